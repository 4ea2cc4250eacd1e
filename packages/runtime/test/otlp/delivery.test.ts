/** What becomes of requests when the receiver does what it should not, or is not there. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { type Behaviour, OtlpReceiver, take } from '../../../../test/support/otlp-receiver.ts';
import type { ExportStats } from '../../src/index.ts';
import { OtlpExporter, otlpSettings, type ResourceMetrics } from '../../src/otlp/index.ts';
import type { Variables } from '../../src/otlp/variables.ts';
import { adds, START, shop, span } from './support.ts';

const NONE = { queue_full: 0, rejected: 0, timeout: 0, shutdown: 0, invalid: 0 };
const QUICK = { OTEL_BSP_SCHEDULE_DELAY: '1', OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' };

interface Setup {
  env?: Variables;
  retryMs?: number;
  queueBytes?: number;
}

function exporter(url: string, { env, ...rest }: Setup = {}) {
  const troubles: string[] = [];
  const settings = otlpSettings({ url, env: { ...QUICK, ...env } })!;
  const scope = { name: 'skep', version: '1' };
  const otlp = new OtlpExporter({ settings, scope, onTrouble: (text) => troubles.push(text), ...rest });
  return { otlp, troubles, traces: (): ExportStats => otlp.stats()[0]! };
}

const status =
  (code: number, headers: Record<string, string> = {}, body = ''): Behaviour =>
  (_, response) =>
    void response.writeHead(code, headers).end(body);

/** Each in turn, then the last. */
const turns =
  (...each: Behaviour[]): Behaviour =>
  (request, response, n) =>
    each[Math.min(n, each.length - 1)]!(request, response, n);

test('what is retried arrives once it can, and is asked for no sooner than the receiver wants', async () => {
  const busy = status(429, { 'Retry-After': '1' });
  await using receiver = await OtlpReceiver.start(turns(busy, take));
  const { otlp, troubles, traces } = exporter(receiver.url);
  otlp.spans.add(span(1));
  await receiver.until((r) => r.length === 2);
  const [first, second] = receiver.requests;
  ok(second!.at - first!.at >= 1000, `${second!.at - first!.at} ms`);
  deepEqual(second!.body, first!.body);
  await otlp.stop();
  const { delivered, lost, requests, retries, waiting } = traces();
  deepEqual(
    { delivered, lost, requests, retries, waiting },
    { delivered: 1, lost: NONE, requests: 2, retries: 1, waiting: 0 },
  );
  equal(troubles.length, 2);
  match(troubles[0]!, /^OTLP traces: http:\/\/127\.0\.0\.1:\d+\/v1\/traces: HTTP 429$/);
  match(troubles[1]!, /takes them again$/);
});

for (const code of [502, 503, 504]) {
  test(`HTTP ${code} is retried after a while`, async () => {
    await using receiver = await OtlpReceiver.start(turns(status(code), take));
    const { otlp, traces } = exporter(receiver.url);
    otlp.spans.add(span(1));
    await receiver.until((r) => r.length === 2);
    const waited = receiver.requests[1]!.at - receiver.requests[0]!.at;
    ok(waited >= 490 && waited < 20_000, `${waited} ms`);
    await otlp.stop();
    equal(traces().delivered, 1);
  });
}

for (const after of ['0', '0.001', '-1', 'soon', 'Wed, 21 Oct 2015 07:28:00 GMT']) {
  test(`a Retry-After of ${after} is no leave to ask without a pause`, async () => {
    await using receiver = await OtlpReceiver.start(turns(status(503, { 'Retry-After': after }), take));
    const { otlp, traces } = exporter(receiver.url);
    otlp.spans.add(span(1));
    await receiver.until((r) => r.length === 2);
    const waited = receiver.requests[1]!.at - receiver.requests[0]!.at;
    ok(waited >= 490 && waited < 20_000, `${waited} ms`);
    await otlp.stop();
    equal(traces().delivered, 1);
  });
}

test('a connection that is reset, or closed without an answer, is tried again', async () => {
  const reset: Behaviour = (_, response) => void response.socket!.resetAndDestroy();
  const close: Behaviour = (_, response) => void response.socket!.end();
  await using receiver = await OtlpReceiver.start(turns(reset, close, take));
  const { otlp, traces } = exporter(receiver.url);
  otlp.spans.add(span(1));
  await receiver.until((r) => r.length === 3);
  await otlp.stop();
  deepEqual([traces().delivered, traces().retries], [1, 2]);
});

test('a receiver of gRPC is told from one that is not there', async () => {
  const settings = Buffer.from([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 5, 0, 0, 64, 0]);
  const grpc: Behaviour = (_, response) => void response.socket!.end(settings);
  await using receiver = await OtlpReceiver.start(turns(grpc, take));
  const { otlp, troubles, traces } = exporter(receiver.url);
  otlp.spans.add(span(1));
  await receiver.until((r) => r.length === 2);
  await otlp.stop();
  equal(traces().delivered, 1);
  match(troubles[0]!, /not in HTTP\/1\. gRPC \(port 4317\) is not spoken/);
});

test('a receiver that says nothing is given up after the timeout and tried again', async () => {
  await using receiver = await OtlpReceiver.start(turns(() => undefined, take));
  const { otlp, troubles, traces } = exporter(receiver.url, { env: { OTEL_EXPORTER_OTLP_TIMEOUT: '200' } });
  otlp.spans.add(span(1));
  await receiver.until((r) => r.length === 2);
  await otlp.stop();
  equal(traces().delivered, 1);
  match(troubles[0]!, /no answer within 0\.2 s/);
});

const refusals: [name: string, behaviour: Behaviour, why: RegExp][] = [
  [
    'HTTP 400 with a reason',
    status(400, { 'Content-Type': 'text/plain' }, 'bad span\n'),
    /HTTP 400: bad span/,
  ],
  ['HTTP 404', status(404), /HTTP 404$/],
  ['HTTP 413', status(413), /HTTP 413$/],
  ['HTTP 500', status(500), /HTTP 500$/],
  [
    'a redirect',
    status(307, { Location: 'http://127.0.0.1:1/v1/traces' }),
    /redirects to http:\/\/127\.0\.0\.1:1\/v1\/traces, which is not followed/,
  ],
  [
    'a page for people',
    status(200, { 'Content-Type': 'text/html; charset=utf-8' }, '<h1>Sign in</h1>'),
    /not an OTLP receiver/,
  ],
];
for (const [name, behaviour, why] of refusals) {
  test(`${name} is a refusal: counted, told, not retried`, async () => {
    await using receiver = await OtlpReceiver.start(behaviour);
    const { otlp, troubles, traces } = exporter(receiver.url);
    for (let n = 1; n <= 3; n++) otlp.spans.add(span(n));
    await otlp.stop();
    deepEqual(
      [traces().lost, traces().delivered, receiver.requests.length],
      [{ ...NONE, rejected: 3 }, 0, 1],
    );
    match(traces().lastError!, why);
    equal(troubles.length, 1);
  });
}

test('a partial success is delivered but for what was rejected, in protobuf and in JSON', async () => {
  // ExportTracePartialSuccess { rejected_spans: 2, error_message: "no" }
  const protobuf = Buffer.from([0x0a, 6, 0x08, 2, 0x12, 2, 0x6e, 0x6f]);
  const json = JSON.stringify({
    partialSuccess: { rejectedSpans: '2', errorMessage: '\u001b]0;\nno\u009b' },
  });
  const bodies = [
    ['http/protobuf', 'application/x-protobuf', protobuf],
    ['http/json', 'application/json', json],
    ['http/protobuf', 'application/json', json],
  ] as const;
  for (const [protocol, contentType, body] of bodies) {
    await using receiver = await OtlpReceiver.start(
      (_, r) => void r.setHeader('Content-Type', contentType).end(body),
    );
    const { otlp, traces } = exporter(receiver.url, { env: { OTEL_EXPORTER_OTLP_PROTOCOL: protocol } });
    for (let n = 1; n <= 5; n++) otlp.spans.add(span(n));
    await otlp.stop();
    deepEqual([traces().delivered, traces().lost], [3, { ...NONE, rejected: 2 }], protocol);
    match(traces().lastError!, /^the receiver says: (\]0; )?no$/);
  }
});

test('a success whose answer is noise, is cut off or has no end is a success, and is not read to its end', async () => {
  const noise: Behaviour = (_, r) =>
    void r.setHeader('Content-Type', 'application/x-protobuf').end(Buffer.alloc(99, 0xff));
  let sent = 0;
  const endless: Behaviour = (_, response) => {
    response.setHeader('Content-Type', 'application/x-protobuf');
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65536, 0x0a))) sent += 65536;
    };
    response.on('drain', more);
    more();
  };
  const silent: Behaviour = (_, r) => void r.writeHead(200, { 'Content-Length': '100' }).write('a');
  const cut: Behaviour = (_, r) =>
    void r.writeHead(200, { 'Content-Length': '100' }).write('a', () => r.socket?.end());
  for (const behaviour of [noise, endless, silent, cut]) {
    await using receiver = await OtlpReceiver.start(behaviour);
    const { otlp, traces } = exporter(receiver.url, { env: { OTEL_EXPORTER_OTLP_TIMEOUT: '3000' } });
    otlp.spans.add(span(1));
    await otlp.stop({ withinMs: 20_000 });
    deepEqual([traces().delivered, traces().lost, traces().requests], [1, NONE, 1]);
  }
  // What the socket's buffers hold on both sides.
  ok(sent < 16 * 1024 * 1024, `${sent} bytes`);
});

test('a request that cannot be delivered in time is lost to the timeout, and the next one is tried', async () => {
  await using receiver = await OtlpReceiver.start(turns(status(503), status(503), take));
  const { otlp, traces } = exporter(receiver.url, {
    retryMs: 1,
    env: { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '2' },
  });
  for (let n = 1; n <= 6; n++) otlp.spans.add(span(n));
  await receiver.until((r) => r.length === 3);
  await otlp.stop();
  deepEqual([traces().delivered, traces().lost], [2, { ...NONE, timeout: 4 }]);
  adds(otlp.stats());
});

test('a dead receiver: the queue stays bounded, add stays quick, and all of it is accounted for', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  const env = { OTEL_BSP_MAX_QUEUE_SIZE: '1000' };
  const { otlp, troubles, traces } = exporter(`http://127.0.0.1:${port}`, { env });
  const began = process.cpuUsage();
  for (let n = 1; n <= 100_000; n++) {
    otlp.spans.add(span(n));
    if (n % 1000 === 0) {
      adds(otlp.stats());
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const { user, system } = process.cpuUsage(began);
  const each = (user + system) / 100_000;
  ok(each < 20, `${each} us of CPU each, making the span and the turns of the loop among it`);
  ok(traces().waiting <= 1000 + 512, `${traces().waiting} wait`);
  match(troubles[0]!, /connection refused/);
  equal(troubles.length, 1);
  const ending = performance.now();
  await otlp.stop({ withinMs: 5000 });
  // Nobody listens: nothing is waited for.
  ok(performance.now() - ending < 4900, `${performance.now() - ending} ms`);
  const { lost, delivered, waiting, handedIn } = traces();
  deepEqual([delivered, waiting, handedIn], [0, 0, 100_000]);
  ok(lost.queue_full >= 98_000 && lost.shutdown > 0, JSON.stringify(lost));
  adds(otlp.stats());
  equal(otlp.spans.add(span(1)), false);
  equal(traces().lost.shutdown, lost.shutdown + 1);
});

test('bytes bound the queue too', async () => {
  await using receiver = await OtlpReceiver.start(() => undefined);
  const { otlp, traces } = exporter(receiver.url, {
    queueBytes: 100_000,
    env: { OTEL_BSP_SCHEDULE_DELAY: '60000' },
  });
  for (let n = 1; n <= 100; n++) otlp.spans.add(span(n, { attributes: { text: 'x'.repeat(10_000) } }));
  deepEqual([traces().waiting, traces().lost.queue_full], [9, 91]);
  await otlp.stop({ withinMs: 1 });
  deepEqual(traces().lost, { ...NONE, queue_full: 91, shutdown: 9 });
});

test('the end has a deadline, and what is not answered by then is lost to it', async () => {
  await using receiver = await OtlpReceiver.start(() => undefined);
  const { otlp, traces } = exporter(receiver.url, { env: { OTEL_METRICS_EXPORTER: 'otlp' } });
  const point = { attributes: {}, start: START, time: START, value: 1 };
  const metrics: ResourceMetrics[] = [
    { resource: shop, metrics: [{ name: 'm', type: 'gauge', points: [point, point] }] },
  ];
  otlp.addMetrics({ collect: () => metrics });
  for (let n = 1; n <= 700; n++) otlp.spans.add(span(n));
  const began = performance.now();
  await otlp.stop({ withinMs: 300 });
  const took = performance.now() - began;
  ok(took >= 290 && took < 9000, `${took} ms`);
  deepEqual(traces().lost, { ...NONE, shutdown: 700 });
  deepEqual(otlp.stats()[1]!.lost, { ...NONE, shutdown: 2 });
  adds(otlp.stats());
});

test('a Retry-After is honoured at the end too: there is no time for it', async () => {
  await using receiver = await OtlpReceiver.start(status(503, { 'Retry-After': '100' }));
  const { otlp, traces } = exporter(receiver.url, { retryMs: 1_000_000 });
  otlp.spans.add(span(1));
  await receiver.until((r) => r.length === 1);
  await otlp.stop({ withinMs: 200 });
  equal(receiver.requests.length, 1);
  deepEqual(traces().lost, { ...NONE, shutdown: 1 });
});

test('an id that is none is not sent: it would cost its neighbours too', async () => {
  await using receiver = await OtlpReceiver.start();
  const { otlp, traces } = exporter(receiver.url);
  const wrong = [
    { traceId: '0'.repeat(32) },
    { traceId: 'a'.repeat(31) },
    { spanId: 'g'.repeat(16) },
    { spanId: '\x10'.repeat(16) },
    { parentSpanId: 'short' },
    { links: [{ traceId: 'a', spanId: 'b' }] },
  ];
  for (const w of wrong) equal(otlp.spans.add(span(1, w)), false);
  equal(otlp.spans.add(span(2, { parentSpanId: '' })), true);
  await otlp.stop();
  deepEqual([traces().delivered, traces().lost], [1, { ...NONE, invalid: wrong.length }]);
});

test('spans go as soon as there are enough of them, else after the delay', async () => {
  await using receiver = await OtlpReceiver.start();
  const env = { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10', OTEL_BSP_SCHEDULE_DELAY: '1500' };
  const { otlp } = exporter(receiver.url, { env });
  const began = performance.now();
  for (let n = 1; n <= 10; n++) otlp.spans.add(span(n));
  await receiver.until((r) => r.length === 1);
  ok(receiver.requests[0]!.at - began < 1490);
  const late = performance.now();
  otlp.spans.add(span(11));
  await receiver.until((r) => r.length === 2);
  ok(receiver.requests[1]!.at - late >= 1490);
  await otlp.stop();
});

test('a source of metrics that throws does not keep the others from being sent', async () => {
  await using receiver = await OtlpReceiver.start();
  const env = {
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_METRIC_EXPORT_INTERVAL: '50',
  };
  const { otlp } = exporter(receiver.url, { env });
  const point = { attributes: {}, start: START, time: START, value: 1 };
  otlp.addMetrics({
    collect() {
      throw new Error('maps are gone');
    },
  });
  const points = Array.from({ length: 4500 }, (_, i) => ({ ...point, attributes: { i } }));
  otlp.addMetrics({
    collect: async () => [{ resource: shop, metrics: [{ name: 'm', type: 'gauge', points }] }],
  });
  otlp.start();
  // 4,500 points are three requests; the second collection comes by itself.
  await receiver.until((r) => r.length >= 6);
  await otlp.stop();
  const [metrics] = otlp.stats();
  equal(metrics!.delivered % 4500, 0);
  equal(metrics!.handedIn, metrics!.delivered);
  equal(metrics!.lastError, 'metrics could not be read: maps are gone');
});

/** What the agent sends by OTLP, read by OpenTelemetry's own definitions and compared with what clients sent. */
import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Decoded, decoded, OtlpReceiver } from '../../../test/support/otlp-receiver.ts';
import type { Agent, AgentStatus } from '../src/index.ts';
import { agentFor, skip } from './support/agent.ts';
import { command, send, TestServer } from './support/processes.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const UNSAMPLED = '5bf92f3577b34da6a3ce929d0e0e4736';
const KEPT = '6bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

type Attributes = Record<string, string | number | boolean>;

function plain(attributes: Decoded): Attributes {
  return Object.fromEntries(
    attributes.map(({ key, value }: Decoded) => [
      key,
      value.stringValue ?? value.boolValue ?? Number(value.intValue ?? value.doubleValue),
    ]),
  );
}

suite('an agent with a receiver of OTLP', { skip, timeout: 120_000 }, () => {
  let receiver: OtlpReceiver;
  let shop: TestServer;
  let traced: TestServer;
  let agent: Agent;
  let status: AgentStatus;
  let spans: { resource: Attributes; attributes: Attributes; span: Decoded }[];
  let metrics: { resource: Attributes; metric: Decoded }[];
  const began = Date.now();

  before(async () => {
    receiver = await OtlpReceiver.start();
    // Not the name of another test's: services of one name are one, and what it says of itself its youngest process's.
    shop = await TestServer.start('florist', 0, { OTEL_RESOURCE_ATTRIBUTES: 'team=bees,service.version=2' });
    const stub = fileURLToPath(new URL('support/otel-register.cjs', import.meta.url));
    traced = await TestServer.start('traced', 0, { NODE_OPTIONS: `--require ${stub}` });
    const env = {
      OTEL_METRIC_EXPORT_INTERVAL: '600000',
      OTEL_RESOURCE_ATTRIBUTES: 'team=hive,k8s.cluster.name=north,service.version=9,k8s.namespace.name=skep',
    };
    agent = await agentFor([shop.port, traced.port], { otlp: { url: receiver.url, env } });
    const url = (server: TestServer, path: string) => `http://127.0.0.1:${server.port}${path}`;
    const parent = ['-H', `traceparent: 00-${TRACE}-${PARENT}-01`];
    await command('curl', '-s', ...parent, url(shop, '/users/42?secret=1'));
    await command('curl', '-s', '-X', 'POST', '-d', 'abc', url(shop, '/status/500'));
    await command('curl', '-s', url(shop, '/plain'));
    const unsampled = ['-H', `traceparent: 00-${UNSAMPLED}-${PARENT}-00`];
    await command('curl', '-s', ...unsampled, url(shop, '/unkept'));
    await command('curl', '-s', '-H', `traceparent: 00-${KEPT}-${PARENT}-01`, url(shop, '/unkept'));
    await command('curl', '-s', ...unsampled, url(shop, '/status/503'));
    await send('buyer', traced.port, 50);
    await send('buyer', shop.port, 500);
    await agent.stop();
    status = agent.status();
    spans = (await decoded(receiver.of('traces'))).flatMap((tree) =>
      tree.resourceSpans.flatMap((r: Decoded) =>
        r.scopeSpans.flatMap((s: Decoded) =>
          s.spans.map((span: Decoded) => ({
            resource: plain(r.resource.attributes),
            attributes: plain(span.attributes),
            span,
          })),
        ),
      ),
    );
    metrics = (await decoded(receiver.of('metrics'))).flatMap((tree) =>
      tree.resourceMetrics.flatMap((r: Decoded) =>
        r.scopeMetrics.flatMap((s: Decoded) =>
          s.metrics.map((metric: Decoded) => ({ resource: plain(r.resource.attributes), metric })),
        ),
      ),
    );
  });
  after(async () => {
    for (const server of [shop, traced]) server?.[Symbol.dispose]();
    await agent?.stop();
    await receiver?.[Symbol.asyncDispose]();
  });
  const only = (kind: string, what: Attributes) =>
    spans.filter(
      ({ span, attributes }) =>
        span.kind === kind && Object.entries(what).every(([key, value]) => attributes[key] === value),
    );

  test('honours the trace context that a request carries', () => {
    for (const kind of ['SPAN_KIND_SERVER', 'SPAN_KIND_CLIENT']) {
      const found = spans.filter(({ span }) => span.kind === kind && span.traceId === TRACE);
      strictEqual(found.length, 1, kind);
      const { span, attributes } = found[0]!;
      strictEqual(span.parentSpanId, PARENT);
      strictEqual(span.name, 'GET /users/{id}');
      match(span.spanId, /^[0-9a-f]{16}$/);
      const [start, end] = [Number(span.startTimeUnixNano) / 1e6, Number(span.endTimeUnixNano) / 1e6];
      ok(start >= began - 1 && end <= Date.now() + 1 && end > start, `${start} ${end}`);
      strictEqual(attributes['http.request.method'], 'GET');
      ok(!JSON.stringify(attributes).includes('secret'));
    }
  });

  test('sends nothing of a trace that the caller does not keep, but an error', () => {
    const sent = spans.filter(({ span }) => span.traceId === UNSAMPLED);
    deepStrictEqual(
      sent.map(({ attributes }) => attributes['http.response.status_code']),
      [503, 503],
      'one at each end',
    );
    // Nor has it taken the turn of one that the caller keeps.
    strictEqual(spans.filter(({ span }) => span.traceId === KEPT).length, 2);
  });

  test('names what a span is about', () => {
    const [server] = only('SPAN_KIND_SERVER', { 'http.response.status_code': 500 });
    const { attributes, resource, span } = server!;
    deepStrictEqual(
      [span.name, span.status.code, attributes['error.type'], attributes['http.request.body.size']],
      ['POST /status/{id}', 'STATUS_CODE_ERROR', '500', 3],
    );
    deepStrictEqual(
      [attributes['server.address'], attributes['server.port'], attributes['client.address']],
      ['127.0.0.1', shop.port, '127.0.0.1'],
    );
    deepStrictEqual(
      [resource['service.name'], resource['service.version'], resource.team, resource['process.pid']],
      ['florist', '2', 'bees', shop.pid],
    );
    deepStrictEqual([attributes['peer.service'], attributes['service.peer.name']], ['curl', 'curl']);
    const [fixed] = only('SPAN_KIND_SERVER', { 'http.route': '/plain' });
    strictEqual(fixed!.attributes['url.path'], '/plain');
    const [asked] = only('SPAN_KIND_CLIENT', { 'url.template': '/plain' });
    strictEqual(asked!.attributes['url.full'], `http://127.0.0.1:${shop.port}/plain`);
    strictEqual(asked!.attributes['url.path'], undefined);
    const [valued] = only('SPAN_KIND_CLIENT', { 'url.template': '/users/{id}' });
    strictEqual(valued!.attributes['url.full'], undefined, 'its values are not known');
    match(fixed!.span.traceId, /^[0-9a-f]{32}$/);
  });

  test('makes no spans of a service that exports its own, and counts it all the same', () => {
    deepStrictEqual(
      spans.filter(({ resource }) => resource['service.name'] === 'traced'),
      [],
    );
    ok(status.spans.left > 0);
    // Who looks for them is told where they are.
    const said = 'spans of traced are not sent: it exports its own (opentelemetry: NODE_OPTIONS)';
    deepStrictEqual(
      status.notes.filter((note) => note.startsWith('spans of')),
      [said],
    );
    strictEqual(sum('http.server.request.duration', 'traced'), 50);
  });

  const sum = (name: string, service: string): number =>
    metrics
      .filter(({ metric, resource }) => metric.name === name && resource['service.name'] === service)
      .flatMap(({ metric }) => metric.histogram.dataPoints)
      .reduce((total: number, p: Decoded) => total + Number(p.count), 0);

  test('sends the same counts that were sent, as histograms with the usual bounds', () => {
    strictEqual(sum('http.server.request.duration', 'florist'), 506);
    strictEqual(sum('http.client.request.duration', 'buyer'), 550);
    strictEqual(sum('http.client.request.duration', 'curl'), 6);
    const { metric } = metrics.find(({ metric }) => metric.name === 'http.server.request.duration')!;
    const [point] = metric.histogram.dataPoints;
    deepStrictEqual(
      [metric.unit, metric.histogram.aggregationTemporality, point.explicitBounds.length],
      ['s', 'AGGREGATION_TEMPORALITY_CUMULATIVE', 14],
    );
    strictEqual(
      point.bucketCounts.reduce((total: number, n: string) => total + Number(n), 0),
      Number(point.count),
    );
  });

  test('puts what it was told of the place on everything, what it was told of itself on itself', () => {
    for (const { resource } of [...spans, ...metrics]) strictEqual(resource['k8s.cluster.name'], 'north');
    const ofShop = metrics.find((m) => m.resource['service.name'] === 'florist')!.resource;
    // What a process says of itself wins.
    deepStrictEqual(
      [ofShop.team, ofShop['service.version'], ofShop['k8s.namespace.name']],
      ['bees', '2', undefined],
    );
    const own = metrics.find((m) => m.resource['service.name'] === 'skep-agent')!.resource;
    deepStrictEqual([own.team, own['service.version'], own['k8s.namespace.name']], ['hive', '9', 'skep']);
  });

  test('says what became of all of it', () => {
    for (const { signal, handedIn, delivered, lost, waiting } of status.exports) {
      deepStrictEqual(
        [handedIn, Object.values(lost).reduce((a, b) => a + b, 0), waiting],
        [delivered, 0, 0],
        signal,
      );
    }
    strictEqual(status.exports.find((e) => e.signal === 'traces')!.delivered, spans.length);
    strictEqual(
      status.exports.find((e) => e.signal === 'logs'),
      undefined,
    );
  });
});

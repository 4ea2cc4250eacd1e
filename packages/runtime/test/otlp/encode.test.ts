import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type Decoded, decoded, type Received } from '../../../../test/support/otlp-receiver.ts';
import type { LogData, MetricData, ResourceMetrics, SpanData } from '../../src/otlp/data.ts';
import { Encoder, type Encoding } from '../../src/otlp/encode.ts';
import { exponential, histogram, START, shop, span, till } from './support.ts';

const scope = { name: 'skep', version: '0.1.0' };

/** What OpenTelemetry's own definitions read in both encodings: the same, or the test fails. */
async function read(
  signal: 'traces' | 'metrics' | 'logs',
  encode: (encoder: Encoder) => Uint8Array,
): Promise<Decoded> {
  const requests = (['protobuf', 'json'] as Encoding[]).map((encoding) => ({
    path: `/v1/${signal}`,
    headers: { 'content-type': encoding === 'json' ? 'application/json' : 'application/x-protobuf' },
    body: Buffer.from(encode(new Encoder(encoding, scope))),
  }));
  const [protobuf, json] = await decoded(requests as unknown as Received[]);
  // In JSON a record without a body has an empty one, which is none.
  deepEqual(JSON.parse(JSON.stringify(json).replaceAll('"body":{},', '')), protobuf);
  return protobuf;
}

test('a span is read as it was, by resource and scope', async () => {
  const full: SpanData = span(2, {
    parentSpanId: 'cccccccccccccccc',
    parentIsRemote: true,
    traceState: 'vendor=1',
    status: { code: 'error', message: 'reset by peer' },
    attributes: {
      text: 'größer',
      whole: 9_007_199_254_740_991,
      negative: -5,
      fraction: 0.5,
      yes: true,
      no: false,
      exact: 1234n,
      wide: 2n ** 63n,
      list: ['a', 1, 2n],
      nothing: null,
      absent: undefined,
      inner: { a: 1, b: { c: 'd' } },
      bytes: new Uint8Array([1, 2, 255]),
    },
    events: [{ name: 'retry', time: [1_790_000_001, 5], attributes: { attempt: 1n } }],
    links: [{ traceId: 'd'.repeat(32), spanId: 'e'.repeat(16), attributes: { why: 'batch' } }],
  });
  const other = span(4, { scope: { name: 'skep.redis' }, kind: 'client', status: { code: 'ok' } });
  const tree = await read('traces', (e) => e.spans([full, span(1, { kind: 'internal' }), other]));
  equal(tree.resourceSpans.length, 2);
  const [first, second] = tree.resourceSpans;
  equal(first.schemaUrl, 'https://opentelemetry.io/schemas/1.45.0');
  deepEqual(second.resource.attributes, [{ key: 'service.name', value: { stringValue: 'till' } }]);
  deepEqual(
    first.scopeSpans.map((s: Decoded) => s.scope),
    [scope, { name: 'skep.redis' }],
  );
  const got = first.scopeSpans[0].spans[0];
  const times = [got.startTimeUnixNano, got.endTimeUnixNano, got.events[0].timeUnixNano];
  deepEqual(times, [String(START + 2n), String(START + 1_500_002n), '1790000001000000005']);
  equal(got.traceId, full.traceId);
  equal(got.parentSpanId, full.parentSpanId);
  equal(got.traceState, 'vendor=1');
  equal(got.kind, 'SPAN_KIND_SERVER');
  deepEqual(got.status, { message: 'reset by peer', code: 'STATUS_CODE_ERROR' });
  deepEqual(got.links[0].spanId, 'e'.repeat(16));
  deepEqual(Object.fromEntries(got.attributes.map((a: Decoded) => [a.key, a.value])), {
    text: { stringValue: 'größer' },
    whole: { intValue: '9007199254740991' },
    negative: { intValue: '-5' },
    fraction: { doubleValue: 0.5 },
    yes: { boolValue: true },
    no: { boolValue: false },
    exact: { intValue: '1234' },
    wide: { stringValue: '9223372036854775808' },
    list: { arrayValue: { values: [{ stringValue: 'a' }, { intValue: '1' }, { intValue: '2' }] } },
    inner: {
      kvlistValue: {
        values: [
          { key: 'a', value: { intValue: '1' } },
          { key: 'b', value: { kvlistValue: { values: [{ key: 'c', value: { stringValue: 'd' } }] } } },
        ],
      },
    },
    bytes: { bytesValue: 'AQL/' },
  });
  equal(first.scopeSpans[1].spans[0].kind, 'SPAN_KIND_CLIENT');
  equal(first.scopeSpans[1].spans[0].status.code, 'STATUS_CODE_OK');
  equal(second.scopeSpans[0].spans[0].kind, 'SPAN_KIND_INTERNAL');
});

test('all kinds of metrics are read as they were, of several services in one request', async () => {
  const point = { attributes: { route: '/a', code: 200 }, start: START, time: START + 7n };
  const metrics: MetricData[] = [
    {
      name: 'http.server.request.duration',
      unit: 's',
      description: 'Duration of HTTP server requests.',
      type: 'histogram',
      points: [
        histogram(),
        histogram({ sum: undefined, min: undefined, max: undefined, counts: [0, 0, 0, 2], count: 2 }),
      ],
    },
    {
      name: 'requests',
      unit: '{request}',
      type: 'sum',
      monotonic: true,
      integer: true,
      points: [{ ...point, value: 2 ** 52 }],
    },
    { name: 'seconds', unit: 's', type: 'sum', monotonic: true, points: [{ ...point, value: 0.25 }] },
    { name: 'open', type: 'sum', monotonic: false, integer: true, points: [{ ...point, value: -3n }] },
    { name: 'level', type: 'gauge', integer: true, points: [{ ...point, value: -(2 ** 40) }] },
    { name: 'ratio', unit: '1', type: 'gauge', points: [{ ...point, value: -0.5 }] },
    { name: 'exp', unit: 's', type: 'exponential', points: [exponential] },
  ];
  const all: ResourceMetrics[] = [
    { resource: shop, metrics },
    {
      resource: till,
      scope: { name: 'skep.agent', attributes: { rung: 'fentry' } },
      metrics: metrics.slice(1, 2),
    },
  ];
  const tree = await read('metrics', (e) => e.metrics(all));
  equal(tree.resourceMetrics.length, 2);
  deepEqual(tree.resourceMetrics[1].scopeMetrics[0].scope, {
    name: 'skep.agent',
    attributes: [{ key: 'rung', value: { stringValue: 'fentry' } }],
  });
  const got = tree.resourceMetrics[0].scopeMetrics[0].metrics;
  const { dataPoints, aggregationTemporality } = got[0].histogram;
  equal(aggregationTemporality, 'AGGREGATION_TEMPORALITY_CUMULATIVE');
  deepEqual(
    [got[0].name, got[0].unit, got[0].description],
    ['http.server.request.duration', 's', metrics[0]!.description],
  );
  deepEqual(dataPoints[0].bucketCounts, ['1', '2', '1099511627776', '3']);
  deepEqual(dataPoints[0].explicitBounds, [0.005, 0.01, 2.5]);
  deepEqual([dataPoints[0].count, dataPoints[0].sum, dataPoints[0].max], ['1099511627782', 12.25, 3]);
  equal(dataPoints[0].startTimeUnixNano, String(START));
  equal(dataPoints[0].timeUnixNano, String(START + 60_000_000_000n));
  equal('sum' in dataPoints[1], false);
  const sums = got.slice(1, 4).map((m: Decoded) => m.sum);
  deepEqual(
    sums.map((s: Decoded) => s.isMonotonic ?? false),
    [true, true, false],
  );
  deepEqual(
    sums.map((s: Decoded) => s.dataPoints[0].asInt ?? s.dataPoints[0].asDouble),
    ['4503599627370496', 0.25, '-3'],
  );
  deepEqual(
    [got[4].gauge.dataPoints[0].asInt, got[5].gauge.dataPoints[0].asDouble],
    ['-1099511627776', -0.5],
  );
  deepEqual(got[6].exponentialHistogram.dataPoints[0], {
    startTimeUnixNano: String(START),
    timeUnixNano: String(START + 1n),
    count: '7',
    sum: -3.5,
    scale: 3,
    zeroCount: '1',
    positive: { offset: -2, bucketCounts: ['1', '0', '2'] },
    negative: { offset: 4, bucketCounts: ['3'] },
  });
});

test('a log record is read as it was', async () => {
  const record: LogData = {
    time: START,
    observed: START + 5n,
    eventName: 'execsnoop.execs',
    severity: 9,
    severityText: 'INFO',
    body: 'bash -c true',
    attributes: { pid: 42, args: ['a', 'b'] },
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    resource: shop,
  };
  const bare: LogData = { time: START, observed: START, resource: shop };
  const tree = await read('logs', (e) => e.logs([record, bare]));
  const [got, plain] = tree.resourceLogs[0].scopeLogs[0].logRecords;
  deepEqual(got, {
    timeUnixNano: String(START),
    observedTimeUnixNano: String(START + 5n),
    severityNumber: 'SEVERITY_NUMBER_INFO',
    severityText: 'INFO',
    body: { stringValue: 'bash -c true' },
    attributes: [
      { key: 'pid', value: { intValue: '42' } },
      { key: 'args', value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } } },
    ],
    flags: 1,
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    eventName: 'execsnoop.execs',
  });
  equal(plain.timeUnixNano, String(START));
});

test('a number beyond the integers of OTLP arrives as a double, not as another number', async () => {
  const metrics: MetricData[] = [2n ** 64n - 1n, 2n ** 63n, 5n].map((value, i) => ({
    name: `wide${i}`,
    type: 'gauge',
    integer: true,
    points: [{ attributes: {}, start: START, time: START, value }],
  }));
  const tree = await read('metrics', (e) => e.metrics([{ resource: shop, metrics }]));
  deepEqual(
    tree.resourceMetrics[0].scopeMetrics[0].metrics.map(
      ({ gauge }: Decoded) => gauge.dataPoints[0].asInt ?? gauge.dataPoints[0].asDouble,
    ),
    [2 ** 64, 2 ** 63, '5'],
  );
});

import { deepEqual } from 'node:assert/strict';
import type { ExportStats } from '../../src/index.ts';
import type { ExponentialPoint, HistogramPoint, Resource, SpanData } from '../../src/otlp/index.ts';

export const START = 1_790_000_000_123_456_789n;

export const shop: Resource = {
  attributes: { 'service.name': 'shop', 'service.version': '2' },
  schemaUrl: 'https://opentelemetry.io/schemas/1.45.0',
};
export const till: Resource = { attributes: { 'service.name': 'till' } };

/** A span that says which it is. */
export function span(n: number, more: Partial<SpanData> = {}): SpanData {
  return {
    traceId: `1${n.toString(16).padStart(31, '0')}`,
    spanId: `1${n.toString(16).padStart(15, '0')}`,
    name: 'GET /users/{id}',
    kind: 'server',
    start: START + BigInt(n),
    end: START + BigInt(n) + 1_500_000n,
    attributes: { n },
    resource: n % 2 === 0 ? shop : till,
    ...more,
  };
}

export function histogram(more: Partial<HistogramPoint> = {}): HistogramPoint {
  return {
    attributes: { 'http.request.method': 'GET', 'http.response.status_code': 200 },
    start: START,
    time: START + 60_000_000_000n,
    count: 2 ** 40 + 6,
    sum: 12.25,
    min: 0.001,
    max: 3,
    bounds: [0.005, 0.01, 2.5],
    counts: new Float64Array([1, 2, 2 ** 40, 3]),
    ...more,
  };
}

export const exponential: ExponentialPoint = {
  attributes: {},
  start: START,
  time: START + 1n,
  count: 7,
  sum: -3.5,
  scale: 3,
  zeroCount: 1,
  positive: { offset: -2, counts: [1, 0, 2] },
  negative: { offset: 4, counts: [3] },
};

/** handedIn = delivered + lost + waiting, at any moment. */
export function adds(all: readonly ExportStats[]): void {
  for (const { handedIn, delivered, lost, waiting, signal } of all)
    deepEqual(
      delivered + Object.values(lost).reduce((sum, n) => sum + n, 0) + waiting,
      handedIn,
      `${signal}: ${JSON.stringify({ handedIn, delivered, lost, waiting })}`,
    );
}

import type {
  Attributes,
  HistogramPoint,
  MetricData,
  MetricSource,
  ResourceMetrics,
} from '@skep/runtime/otlp';
import { BOUNDS_SECONDS } from '../latency.ts';
import { type SelfFamily, selfFamilies } from '../metrics/self.ts';
import { errorType, type Series } from '../series/series.ts';
import type { Service } from '../services/service.ts';
import type { AgentStatus } from '../status.ts';
import type { Resources } from './resources.ts';

export interface MetricsParts {
  readonly resources: Resources;
  /** All series, after they were brought up to date. */
  readonly series: () => Promise<Iterable<Series>>;
  readonly status: () => AgentStatus;
  /** Since when the agent counts, nanoseconds since 1970. */
  readonly startedAt: bigint;
}

/**
 * The agent's series as OpenTelemetry's metrics of HTTP, one resource a service, and its own figures.
 *
 * Source: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
 */
export class AgentMetricSource implements MetricSource {
  readonly #o: MetricsParts;
  #startedAt: bigint;

  constructor(parts: MetricsParts) {
    this.#o = parts;
    this.#startedAt = parts.startedAt;
  }

  async collect(): Promise<ResourceMetrics[]> {
    const { resources, status } = this.#o;
    const byService = new Map<Service | undefined, Series[]>();
    for (const series of await this.#o.series()) {
      const { service } = series.labels;
      const list = byService.get(service);
      if (list) list.push(series);
      else byService.set(service, [series]);
    }
    const time = BigInt(Date.now()) * 1_000_000n;
    const all = [...byService].map(
      ([service, series]): ResourceMetrics => ({
        resource: service ? resources.service(service) : resources.own,
        metrics: httpMetrics(series, time),
      }),
    );
    // A clock that was put back makes no point begin after its end: receivers refuse those.
    if (this.#startedAt > time) this.#startedAt = time;
    const own = selfFamilies(status()).flatMap((family) => ownMetric(family, this.#startedAt, time));
    return [...all, { resource: resources.own, metrics: own }];
  }
}

function httpMetrics(all: readonly Series[], time: bigint): MetricData[] {
  return (['server', 'client'] as const).flatMap((role) => {
    const series = all.filter((s) => s.labels.role === role);
    if (series.length === 0) return [];
    const attributes = series.map(attributesOf);
    const bodies = (bytes: (s: Series) => number): HistogramPoint[] =>
      series.map((s, i) => ({
        attributes: attributes[i]!,
        start: s.startedBy(time),
        time,
        count: s.count,
        sum: bytes(s),
        // The kernel keeps sums of bodies, no buckets.
        bounds: [],
        counts: [s.count],
      }));
    const durations = series.map(
      (s, i): HistogramPoint => ({
        attributes: attributes[i]!,
        start: s.startedBy(time),
        time,
        count: s.count,
        sum: s.sum / 1e9,
        bounds: BOUNDS_SECONDS,
        counts: s.buckets,
      }),
    );
    const name = `http.${role}`;
    const of = (what: string) => `${what} HTTP ${role} requests.`;
    return [
      histogram(`${name}.request.duration`, 's', of('Duration of'), durations),
      histogram(
        `${name}.request.body.size`,
        'By',
        of('Size of the bodies of'),
        bodies((s) => s.requestBytes),
      ),
      histogram(
        `${name}.response.body.size`,
        'By',
        of('Size of the bodies of responses to'),
        bodies((s) => s.responseBytes),
      ),
    ];
  });
}

function histogram(name: string, unit: string, description: string, points: HistogramPoint[]): MetricData {
  return { name, unit, description, type: 'histogram', points };
}

function attributesOf({ labels }: Series): Attributes {
  if (labels.overflow) return { 'otel.metric.overflow': true };
  const { peer } = labels;
  const client = labels.role === 'client';
  return {
    'http.request.method': labels.method,
    'http.route': client ? undefined : labels.route || undefined,
    'url.template': client ? labels.route || undefined : undefined,
    'http.response.status_code': labels.status === 0 ? undefined : labels.status,
    'error.type': errorType(labels) || undefined,
    'url.scheme': 'http',
    'server.address': client ? (peer.service?.name ?? peer.address?.ip) : undefined,
    'server.port': labels.port === 0 ? undefined : labels.port,
    'client.address': client ? undefined : (peer.address?.ip ?? (peer.key === '*' ? '_OTHER' : undefined)),
    'peer.service': peer.service?.name,
  };
}

function ownMetric(
  { name, type, help, unit, samples }: SelfFamily,
  start: bigint,
  time: bigint,
): MetricData[] {
  if (samples.length === 0) return [];
  const points = samples.map(([attributes, value]) => ({ attributes, start, time, value }));
  const base = { name: `skep.agent.${name.replace(/_(seconds|bytes)$/, '')}`, description: help, unit };
  return type === 'counter'
    ? [{ ...base, type: 'sum', monotonic: true, points }]
    : [{ ...base, type: 'gauge', points }];
}

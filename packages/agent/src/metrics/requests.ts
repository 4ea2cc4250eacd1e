import { BOUNDS_SECONDS } from '../latency.ts';
import { errorType, type Series } from '../series/series.ts';
import { head, labelText } from './text.ts';

/** The same label text serves four families, at each scrape. */
const texts = new WeakMap<Series, string>();

/**
 * A series' labels by OpenTelemetry's semantic conventions as Prometheus has them, with the service and who is at the other end.
 *
 * Source: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
 */
export function seriesLabels(series: Series): Record<string, string | number | undefined> {
  const { labels } = series;
  const { service, peer, overflow } = labels;
  const named = { service_name: service?.name, service_namespace: service?.namespace };
  if (overflow) return { ...named, otel_metric_overflow: 'true' };
  const client = labels.role === 'client';
  return {
    ...named,
    http_request_method: labels.method,
    // OpenTelemetry's `http.route` is the server's word.
    http_route: client ? undefined : labels.route,
    url_template: client ? labels.route : undefined,
    http_response_status_code: labels.status === 0 ? undefined : labels.status,
    url_scheme: 'http',
    error_type: errorType(labels),
    server_address: client ? (peer.service?.name ?? peer.address?.ip) : undefined,
    server_port: labels.port === 0 ? undefined : labels.port,
    client_address: client ? undefined : (peer.address?.ip ?? (peer.key === '*' ? '_OTHER' : undefined)),
    peer_service: peer.service?.name,
  };
}

function textOf(series: Series): string {
  let text = texts.get(series);
  if (text === undefined) {
    text = labelText(seriesLabels(series));
    texts.set(series, text);
  }
  return text;
}

/** OpenMetrics has `10.0` where Prometheus has `10`. */
const bounds = (openMetrics: boolean): readonly string[] =>
  BOUNDS_SECONDS.map((b) => (openMetrics && Number.isInteger(b) ? `${b}.0` : String(b)));

const SIDES = [
  ['server', 'HTTP server requests'],
  ['client', 'HTTP client requests'],
] as const;

/**
 * The families of requests, a piece at a time, so that others have their turns.
 *
 * Of bodies the kernel keeps sums: their histograms have no bound but the infinite one.
 */
export function* requestFamilies(all: Iterable<Series>, openMetrics: boolean): Generator<string> {
  const list = [...all];
  const le = bounds(openMetrics);
  for (const [role, what] of SIDES) {
    const series = list.filter((s) => s.labels.role === role);
    if (series.length === 0) continue;
    const duration = `http_${role}_request_duration_seconds`;
    yield head(duration, 'histogram', `Duration of ${what}.`, openMetrics);
    for (const s of series) yield durationLines(duration, s, le);
    yield* bodyFamily(
      `http_${role}_request_body_size_bytes`,
      `Size of the bodies of ${what}.`,
      series,
      openMetrics,
      (s) => s.requestBytes,
    );
    yield* bodyFamily(
      `http_${role}_response_body_size_bytes`,
      `Size of the bodies of responses to ${what}.`,
      series,
      openMetrics,
      (s) => s.responseBytes,
    );
  }
}

function durationLines(name: string, series: Series, le: readonly string[]): string {
  const text = textOf(series);
  let out = '';
  let below = 0;
  for (let i = 0; i < le.length; i++) {
    below += series.buckets[i]!;
    out += `${name}_bucket{${text},le="${le[i]}"} ${below}\n`;
  }
  return (
    `${out}${name}_bucket{${text},le="+Inf"} ${series.count}\n` +
    `${name}_sum{${text}} ${series.sum / 1e9}\n${name}_count{${text}} ${series.count}\n`
  );
}

function* bodyFamily(
  name: string,
  help: string,
  all: readonly Series[],
  openMetrics: boolean,
  bytes: (series: Series) => number,
): Generator<string> {
  yield head(name, 'histogram', help, openMetrics);
  for (const series of all) {
    const text = textOf(series);
    yield `${name}_bucket{${text},le="+Inf"} ${series.count}\n` +
      `${name}_sum{${text}} ${bytes(series)}\n${name}_count{${text}} ${series.count}\n`;
  }
}

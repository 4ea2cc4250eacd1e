/**
 * OTLP over HTTP: spans, log records and metrics to any OpenTelemetry receiver.
 *
 * Loaded only by who sends (`await import('@skep/runtime/otlp')`): the serializers are OpenTelemetry's own.
 *
 * ```ts
 * const settings = otlpSettings({ url: 'http://127.0.0.1:4318' });     // and OTEL_…; undefined: switched off
 * if (settings) {
 *   const otlp = new OtlpExporter({ settings, scope: { name: 'skep', version } });
 *   otlp.addMetrics(source);        // MetricSource: asked at each interval and at the end
 *   otlp.start();
 *   otlp.spans.add(span);           // SpanData: plain, complete, never changed afterwards
 *   otlp.logs.add(record);          // LogData
 *   otlp.stats();                   // ExportStats a signal: handedIn = delivered + lost + waiting
 *   await otlp.stop({ withinMs: 2000 });
 * }
 * ```
 *
 * - {@link MetricSource.collect} returns {@link ResourceMetrics}, one for each resource: several services go in one request.
 *   Points are cumulative and have the time since when they count. A resource is known by the identity of its object: make
 *   one for each service and keep it.
 * - {@link Time} is nanoseconds since 1970 as a bigint, or `[seconds, nanoseconds]`.
 * - Nothing here blocks or throws once it runs. A receiver that is slow, dead or wrong costs bounded memory; what is lost is
 *   counted by reason (`ExportStats.lost`).
 * - {@link OtlpSink} is the sink of `skep run --otlp`: all series of a run as metrics, its records as events.
 */
export type * from './data.ts';
export { type LogSink, OtlpExporter, type OtlpExporterOptions, type SpanSink } from './exporter.ts';
export {
  type BatchLimits,
  type Destination,
  type OtlpSettings,
  otlpSettings,
  wantsOtlp,
} from './settings.ts';
export { OtlpSink, type OtlpSinkOptions } from './sink.ts';

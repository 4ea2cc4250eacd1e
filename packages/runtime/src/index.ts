export * from './contract/exports.ts';
export * from './contract/hooks.ts';
export * from './contract/losses.ts';
export * from './contract/request.ts';
export * from './contract/run.ts';
export * from './contract/series.ts';
export * from './contract/sink.ts';
export * from './contract/stats.ts';
export * from './contract/stream.ts';
export { RuntimeError, type RuntimeErrorCode } from './errors.ts';
export type { FlameSink, FlameSinkOptions } from './flame/sink.ts';
export {
  type EndpointOptions,
  type Exposition,
  type ListenAt,
  MetricsEndpoint,
} from './prom/endpoint.ts';
export { type Metric, metricsOf } from './prom/metrics-of.ts';
export { escapeLabel } from './prom/names.ts';
export { MetricsServer, type MetricsServerOptions, type MetricsStatus } from './prom/server.ts';
export { type PrometheusOptions, prometheusText } from './prom/text.ts';
export { startRun } from './run/start.ts';
export { LATENCY_SLOTS, latencySlotEnd } from './series/latency-slots.ts';
export { JsonSink, type JsonSinkOptions, seriesData } from './sinks/json-sink.ts';
export { LineBuffer, type LineBufferOptions } from './sinks/line-buffer.ts';
export { isFull, type Output, openFileOutput, openOutput, writeAll } from './sinks/output.ts';
export {
  type ColorDepth,
  type RecordLimits,
  TerminalView,
  type TerminalViewOptions,
  type ViewInput,
  type ViewOutput,
} from './view/index.ts';

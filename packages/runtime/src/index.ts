export { RuntimeError, type RuntimeErrorCode } from './errors.ts';
export type { FlameSink, FlameSinkOptions } from './flame/sink.ts';
export { MetricsServer, type MetricsServerOptions, type MetricsStatus } from './prom/server.ts';
export { type PrometheusOptions, prometheusText } from './prom/text.ts';
export { startRun } from './run/start.ts';
export { JsonSink, type JsonSinkOptions, seriesData } from './sinks/json-sink.ts';
export { type Output, openFileOutput, openOutput } from './sinks/output.ts';
export * from './types.ts';
export {
  type ColorDepth,
  type RecordLimits,
  TerminalView,
  type TerminalViewOptions,
  type ViewInput,
  type ViewOutput,
} from './view/index.ts';

/** What `--otlp` sends, and what the environment says beside it. */
export function otlpHelp(): string[] {
  return [
    'counter_, gauge_ and hist_ maps and the figures of the run itself are metrics, sent at an interval and at the end; the rows of print_ maps are events, log records with a name.',
    'URL is a base: /v1/metrics and /v1/logs are added. It wins over the endpoints of the environment; without --otlp nothing is sent.',
    'A receiver that is slow or dead never slows the probe; what is lost is counted by reason.',
    '',
    'OTEL_EXPORTER_OTLP_HEADERS: name1=value1,name2=value2, percent-encoded',
    'OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf or http/json',
    'OTEL_EXPORTER_OTLP_COMPRESSION: none or gzip',
    'OTEL_EXPORTER_OTLP_TIMEOUT: of one request, milliseconds (10000)',
    'OTEL_EXPORTER_OTLP_CERTIFICATE, _CLIENT_CERTIFICATE, _CLIENT_KEY: PEM files',
    'OTEL_EXPORTER_OTLP_METRICS_HEADERS, OTEL_EXPORTER_OTLP_LOGS_HEADERS and so on: of one signal',
    'OTEL_METRIC_EXPORT_INTERVAL: milliseconds (60000)',
    'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: cumulative',
    'OTEL_BLRP_SCHEDULE_DELAY, _MAX_QUEUE_SIZE, _MAX_EXPORT_BATCH_SIZE: of events (1000, 8192, 512)',
    'OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES: who sends (service.name=skep)',
    'OTEL_METRICS_EXPORTER=none, OTEL_LOGS_EXPORTER=none, OTEL_SDK_DISABLED=true: switch off',
  ];
}

/** The servers that are compared: one handler in three languages, with and without what watches it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { built } from './place.ts';

/** What runs beside the server: nothing, a process that sleeps (so that a difference of nothing shows), skep. */
export type Beside = 'nothing' | 'sleeper' | 'skep';

export interface Variant {
  /** As tables have it. */
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Record<string, string>;
  readonly beside: Beside;
  /** Whether the sink must get a span for (nearly) every request. */
  readonly spans?: true;
}

const OTEL = {
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
  OTEL_SERVICE_NAME: 'flora',
  OTEL_TRACES_EXPORTER: 'otlp',
  OTEL_METRICS_EXPORTER: 'otlp',
  OTEL_LOGS_EXPORTER: 'none',
  // Those of clouds ask addresses that are not here.
  OTEL_NODE_RESOURCE_DETECTORS: 'none',
  OTEL_EXPERIMENTAL_RESOURCE_DETECTORS: '',
};
const DATADOG = {
  DD_AGENT_HOST: '127.0.0.1',
  DD_TRACE_AGENT_PORT: '8126',
  DD_DOGSTATSD_PORT: '8125',
  DD_SERVICE: 'flora',
  DD_REMOTE_CONFIGURATION_ENABLED: 'false',
};
const PROFILED = { ...DATADOG, DD_PROFILING_ENABLED: 'true' };

export type Language = 'go' | 'go-1.19' | 'node' | 'python';

/** @throws Error when there is none of them: flora-setup.sh builds them */
export function variantsOf(language: Language): Variant[] {
  const of = {
    go: () => goVariants(''),
    'go-1.19': () => goVariants('-1.19'),
    node: nodeVariants,
    python: pythonVariants,
  }[language]();
  const present = of.filter(({ command }) =>
    command.every((part) => !part.startsWith(built) || existsSync(part)),
  );
  if (!present.some((v) => v.name === 'nothing'))
    throw new Error(`no server in ${language}: sh bench/flora-setup.sh`);
  return present;
}

/** The three without a library in the server, then those with one. */
function all(bare: readonly string[], watched: readonly Omit<Variant, 'beside'>[]): Variant[] {
  return [
    { name: 'nothing', command: bare, beside: 'nothing' },
    { name: 'A/A (sleeping agent)', command: bare, beside: 'sleeper' },
    { name: 'skep', command: bare, beside: 'skep' },
    ...watched.map((v) => ({ ...v, beside: 'nothing' as const })),
  ];
}

function goVariants(suffix: string): Variant[] {
  const program = (name: string): string[] => [join(built, `go/${name}${suffix}`)];
  return all(program('plain'), [
    { name: 'OpenTelemetry SDK', command: program('otel'), env: OTEL, spans: true },
    { name: 'dd-trace-go', command: program('dd'), env: DATADOG, spans: true },
    { name: 'dd-trace-go, profiler', command: program('dd'), env: PROFILED, spans: true },
  ]);
}

function nodeVariants(): Variant[] {
  const dir = join(built, 'node');
  const server = join(dir, 'server.js');
  const required = (name: string): string[] => [
    process.execPath,
    '--require',
    join(dir, 'node_modules', name),
    server,
  ];
  return all(
    [process.execPath, server],
    [
      {
        name: 'OpenTelemetry auto',
        command: required('@opentelemetry/auto-instrumentations-node/dist/register.cjs'),
        env: OTEL,
        spans: true,
      },
      { name: 'dd-trace', command: required('dd-trace/init.js'), env: DATADOG, spans: true },
    ],
  );
}

function pythonVariants(): Variant[] {
  const program = (name: string): string => join(built, 'python/bin', name);
  const server = join(built, 'python/server.py');
  return all(
    [program('python'), server],
    [
      {
        name: 'OpenTelemetry auto',
        command: [program('opentelemetry-instrument'), program('python'), server],
        env: OTEL,
        spans: true,
      },
      {
        name: 'ddtrace',
        command: [program('ddtrace-run'), program('python'), server],
        env: DATADOG,
        spans: true,
      },
    ],
  );
}

import { basename } from 'node:path';
import type { Runtime } from './language/detect.ts';
import type { Language } from './language/programs.ts';
import type { CommandContext } from './name/context.ts';
import { dependenciesOf } from './name/node.ts';
import type { Environment } from './process/environ.ts';

/** A tracing library seen in a process. */
export interface Sdk {
  name: 'opentelemetry' | 'datadog';
  /** Where it was seen. */
  sign: 'environment' | 'argument' | 'mapped-file' | 'go-module' | 'dependency';
  /** Which variable, file or module it was. Never a value that could hold a secret. */
  detail: string;
  /**
   * - `configured`: it was told to trace (an agent or an exporter by variable or option)
   * - `loaded`: its code is mapped
   * - `linked`: its exporter is in the program, or among the project's dependencies; whether it is used is not known
   */
  evidence: 'configured' | 'loaded' | 'linked';
  /** It was told not to export traces (OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER=none, DD_TRACE_ENABLED=false). */
  off: boolean;
}

/** Whether a process most probably exports spans of its own, so that others of it would be doubles. */
export function exportsTraces(sdks: readonly Sdk[]): boolean {
  return sdks.some((s) => !s.off && s.evidence !== 'linked');
}

/** Whether it could: an exporter is among its code, which many programs have and few are told to use. */
export function mayExportTraces(sdks: readonly Sdk[]): boolean {
  return sdks.some((s) => !s.off);
}

/**
 * Whether a connection of a process to a receiver of OTLP most probably carries spans. Go programs name their exporters, so that
 * one of metrics alone is known; a server written in C is a proxy of somebody else's more often than it has an SDK.
 */
export function whenConnected({ language, sdks }: { language?: Language; sdks: readonly Sdk[] }): boolean {
  if (sdks.some((s) => s.off)) return false;
  if (language === 'go') return mayExportTraces(sdks);
  return language !== undefined && language !== 'c' && language !== 'cpp' && language !== 'shell';
}

const otelOptions = /opentelemetry|(?:^|[\s/:])otel[\w-]*(?:\.js|\.jar|\.mjs|\.cjs)/i;
const datadogOptions = /dd-trace|dd-java-agent|ddtrace|datadog/i;
/** Variables that load code before a program's own, and whose: whatever else a container starts has them, too. */
const loading: readonly [string, Language?][] = [
  ['NODE_OPTIONS', 'nodejs'],
  ['BUN_OPTIONS', 'bun'],
  ['JAVA_TOOL_OPTIONS', 'java'],
  ['JDK_JAVA_OPTIONS', 'java'],
  ['_JAVA_OPTIONS', 'java'],
  ['RUBYOPT', 'ruby'],
  ['PYTHONPATH', 'python'],
  ['DOTNET_STARTUP_HOOKS', 'dotnet'],
  ['LD_PRELOAD'],
];
const goExporter =
  /^go\.opentelemetry\.io\/(?:otel\/exporters\/(?:otlp\/otlptrace|zipkin|jaeger|stdout\/stdouttrace)|contrib\/exporters\/autoexport)/;
const profilers: Record<string, Sdk['name']> = {
  '{918728DD-259F-4A6A-AC2B-B85E1B658318}': 'opentelemetry',
  '{846F5F1C-F9AE-4B07-969E-05C26BC060D8}': 'datadog',
};
const mapped: readonly [RegExp, Sdk['name']][] = [
  [
    /\/(?:opentelemetry-javaagent[^/]*\.jar|OpenTelemetry\.AutoInstrumentation\.Native\.so|opentelemetry\.so|libotelinject\.so)$/,
    'opentelemetry',
  ],
  [
    /\/(?:dd-java-agent[^/]*\.jar|Datadog\.Trace\.ClrProfiler\.Native\.so|Datadog\.Tracer\.Native\.so|ddtrace\.so)$/,
    'datadog',
  ],
  [/\/ddtrace\/internal\/.*\.so$/, 'datadog'],
];

/**
 * Looks for tracing libraries by environment, command line, mapped files, Go modules and npm dependencies. One answer a
 * library: the strongest sign.
 */
export function findSdks(context: CommandContext, files: () => readonly string[]): Sdk[] {
  const { environment } = context;
  const found = new Map<Sdk['name'], Sdk>();
  const add = (name: Sdk['name'], sign: Sdk['sign'], detail: string, evidence: Sdk['evidence']) => {
    if (!found.has(name)) found.set(name, { name, sign, detail, evidence, off: isOff(name, environment) });
  };
  const { language } = context.runtime ?? {};
  for (const [variable, whose = language] of loading) {
    const value = environment.get(variable);
    if (value === undefined || (language !== undefined && language !== whose)) continue;
    if (otelOptions.test(value)) add('opentelemetry', 'environment', variable, 'configured');
    if (datadogOptions.test(value)) add('datadog', 'environment', variable, 'configured');
  }
  const profiler =
    environment.get('CORECLR_ENABLE_PROFILING') === '1' ? environment.get('CORECLR_PROFILER') : undefined;
  const named = profilers[profiler?.toUpperCase() ?? ''];
  if (named !== undefined) add(named, 'environment', 'CORECLR_PROFILER', 'configured');
  for (const option of loadingOptions(context.argv)) {
    if (otelOptions.test(option)) add('opentelemetry', 'argument', optionName(option), 'configured');
    if (datadogOptions.test(option)) add('datadog', 'argument', optionName(option), 'configured');
  }
  for (const variable of [
    'OTEL_TRACES_EXPORTER',
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    'OTEL_EXPORTER_OTLP_ENDPOINT',
  ]) {
    if (environment.get(variable) && readsVariables(context.runtime))
      add('opentelemetry', 'environment', variable, 'configured');
  }
  // Only these runtimes map an agent's files; for the rest the mappings would be read for nothing.
  if (/^(?:java|dotnet|php|python)$/.test(context.runtime?.language ?? '')) {
    for (const file of files()) {
      const library = mapped.find(([pattern]) => pattern.test(file))?.[1];
      if (library !== undefined) add(library, 'mapped-file', basename(file), 'loaded');
    }
  }
  for (const module of context.runtime?.go?.dependencies.keys() ?? []) {
    if (goExporter.test(module)) {
      add('opentelemetry', 'go-module', module, 'linked');
    } else if (/^(?:gopkg\.in\/DataDog\/dd-trace-go|github\.com\/DataDog\/dd-trace-go)/.test(module)) {
      add('datadog', 'go-module', module, 'linked');
    }
  }
  if (found.size === 0 && context.runtime?.language === 'nodejs') {
    for (const name of dependenciesOf(context)) {
      if (/^@opentelemetry\/(?:sdk-node|sdk-trace-node|auto-instrumentations-node)$/.test(name)) {
        add('opentelemetry', 'dependency', name, 'linked');
      } else if (name === 'dd-trace') add('datadog', 'dependency', name, 'linked');
    }
  }
  return [...found.values()];
}

/** Whether there can be an SDK that OpenTelemetry's variables are for: of a Go program its modules are known. */
function readsVariables({ language, go }: Partial<Runtime> = {}): boolean {
  if (language === 'c' || language === 'shell') return false;
  if (!go || go.modules === 0) return true;
  return [...go.dependencies.keys()].some((module) => goExporter.test(module));
}

/** Options of a command line that load code first, each with its value; and the programs that do nothing else. */
function loadingOptions(argv: readonly string[]): string[] {
  const found: string[] = [];
  for (let i = 1; i < argv.length && i < 256; i++) {
    const arg = argv[i]!;
    if (/^(?:-r|--require|--import|--loader|--experimental-loader)$/.test(arg))
      found.push(`${arg} ${argv[++i] ?? ''}`);
    else if (/^(?:--require=|--import=|--loader=|--experimental-loader=|-javaagent:|-r.)/.test(arg))
      found.push(arg);
    else if (i < 3 && /^(?:opentelemetry-instrument|ddtrace-run)$/.test(basename(arg)))
      found.push(basename(arg));
  }
  return found;
}

function optionName(option: string): string {
  return /^(?:--[\w-]+|-javaagent|-r|[\w-]+)/.exec(option)?.[0] ?? 'option';
}

function isOff(name: Sdk['name'], environment: Environment): boolean {
  if (name === 'datadog') return /^(?:false|0)$/i.test(environment.get('DD_TRACE_ENABLED') ?? '');
  const exporter = environment.get('OTEL_TRACES_EXPORTER')?.trim();
  return /^true$/i.test(environment.get('OTEL_SDK_DISABLED') ?? '') || exporter === 'none';
}

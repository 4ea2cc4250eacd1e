import { copied } from '../copied.ts';
import type { Host } from '../host/host.ts';

/** The variables that are looked for. Nothing else of an environment is kept: it is full of secrets. */
const wanted = new Set([
  'OTEL_SERVICE_NAME',
  'OTEL_RESOURCE_ATTRIBUTES',
  'OTEL_SDK_DISABLED',
  'OTEL_TRACES_EXPORTER',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'DD_SERVICE',
  'DD_TRACE_ENABLED',
  'NODE_OPTIONS',
  'BUN_OPTIONS',
  'JAVA_TOOL_OPTIONS',
  'JDK_JAVA_OPTIONS',
  '_JAVA_OPTIONS',
  'PYTHONPATH',
  'RUBYOPT',
  'CORECLR_ENABLE_PROFILING',
  'CORECLR_PROFILER',
  'CORECLR_PROFILER_PATH',
  'DOTNET_STARTUP_HOOKS',
  'LD_PRELOAD',
  'FLASK_APP',
  'DJANGO_SETTINGS_MODULE',
  'HOSTNAME',
  'SUPERVISOR_PROCESS_NAME',
  'SUPERVISOR_GROUP_NAME',
  // pm2 tells an app its own name so, or a worker of a cluster in JSON beside all else.
  'pm_id',
  'name',
  'pm2_env',
]);
const LONGEST = 256 * 1024;

/** The environment that a process was started with, cut down to the variables above. */
export type Environment = ReadonlyMap<string, string>;

/** Of a process of whose environment nothing is known. */
export const NO_ENVIRONMENT: Environment = new Map();

/** Reads /proc/PID/environ; empty when it may not be read. What a program sets for itself later is not in it. */
export function readEnvironment(host: Host, pid: number): Environment {
  return parseEnvironment(host.procBytes(pid, 'environ', LONGEST));
}

export function parseEnvironment(bytes: Buffer | undefined): Environment {
  const found = new Map<string, string>();
  if (bytes === undefined) return found;
  // Walked as bytes: most of an environment is never made a string.
  for (let at = 0; at < bytes.length; ) {
    let end = bytes.indexOf(0, at);
    if (end < 0) end = bytes.length;
    const equals = bytes.indexOf(61, at);
    if (equals > at && equals < end && equals - at <= 40) {
      const name = bytes.toString('latin1', at, equals);
      if (wanted.has(name) && !found.has(name)) found.set(name, bytes.toString('utf8', equals + 1, end));
    }
    at = end + 1;
  }
  const cluster = found.get('pm2_env');
  // What else is in it may be secret.
  if (cluster !== undefined) found.set('pm2_env', /"name":"([^"\\]+)"/.exec(cluster)?.[1] ?? '');
  return found;
}

/** Characters of attributes that are read: what is kept of a process is kept of ten thousand. */
const MOST_ATTRIBUTES = 4096;

/** Reads OTEL_RESOURCE_ATTRIBUTES: `key=value,key=value`, values percent-encoded (the W3C Baggage format). */
export function resourceAttributesOf(environment: Environment): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let left = MOST_ATTRIBUTES;
  for (const pair of (environment.get('OTEL_RESOURCE_ATTRIBUTES') ?? '').split(',')) {
    const equals = pair.indexOf('=');
    if (equals < 1 || pair.length > left) continue;
    left -= pair.length;
    const value = pair
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1');
    found.set(copied(pair.slice(0, equals).trim()), copied(decoded(value)));
  }
  return found;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // a lone % : the writer did not encode at all
  }
}

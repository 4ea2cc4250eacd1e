/**
 * What runs beside a server: skep, or a process that sleeps. skep is `skep agent` where this checkout has it, else the
 * probe that it counts with, run by itself (`skep run http-red`): the same programs in the kernel, without services' names.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { until } from '../../../scripts/lib/services.ts';
import { AGENT, type Place, root, skep } from './place.ts';
import { get, launch, type Running } from './process.ts';

const IMAGE = 'bench/http-red:1';

export interface AgentOptions {
  /** Only this process is watched; undefined: every one of this network namespace that is on the port. */
  readonly pid?: number;
  /** Only connections to this port. */
  readonly port?: number;
  /** Where spans go, by OTLP. */
  readonly otlp?: string;
  /** More of the command's own flags. */
  readonly flags?: readonly string[];
}

let asAgent: boolean | undefined;

/** Whether this checkout's command has `skep agent`. */
export function hasAgent(): boolean {
  asAgent ??= /^\s+agent\b/m.test(execFileSync(skep, ['--help'], { encoding: 'utf8' }));
  return asAgent;
}

/** As reports have it. */
export const agentName = (): string => (hasAgent() ? 'skep agent' : 'skep run http-red');

/** Puts the probe's image into the store of this run; to be called once. */
export function prepareAgent(): void {
  if (!hasAgent()) execFileSync(skep, ['build', join(root, 'probes/http-red'), IMAGE], { stdio: 'pipe' });
}

export function agentCommand({ pid, port, otlp, flags = [] }: AgentOptions): string[] {
  const listen = ['--prom-listen', AGENT];
  const narrowed = pid === undefined ? [] : ['--pid', String(pid)];
  if (hasAgent()) {
    const ports = port === undefined ? [] : ['--port', String(port)];
    const quiet = ['--no-tty', '--no-socket'];
    return [
      skep,
      'agent',
      ...quiet,
      ...narrowed,
      ...ports,
      ...listen,
      ...(otlp ? ['--otlp', otlp] : []),
      ...flags,
    ];
  }
  const ports = port === undefined ? [] : ['--target-port', String(port)];
  return [skep, 'run', IMAGE, ...narrowed, ...ports, '-o', 'json', ...listen, ...flags];
}

/** The agent answers at /metrics before it counts; it does when the request that it sends itself was seen. */
async function counts(): Promise<boolean | undefined> {
  const text = await get(`http://${AGENT}/metrics`);
  return text !== undefined && (!hasAgent() || /^skep_agent_self_check 1$/m.test(text)) ? true : undefined;
}

/** Starts skep and waits until its programs are in the kernel and it counts. */
export function startAgent(place: Place, options: AgentOptions): Promise<Running> {
  return launch({
    name: 'skep',
    command: agentCommand(options),
    logs: place.dir,
    ready: counts,
  });
}

export function startSleeper(place: Place): Promise<Running> {
  return launch({ name: 'sleeper', command: ['sleep', 'infinity'], logs: place.dir });
}

/** The counts' names: of the agent by OpenTelemetry's conventions, of the probe by its map. A route may have braces. */
const COUNTS = /^(?:http_server_request_duration_seconds|skep_http_requests_seconds)_count\{(.*)\} (\S+)$/gm;

/** Requests to servers that skep has counted so far, by its /metrics. */
export async function counted(): Promise<number> {
  const text = await get(`http://${AGENT}/metrics`);
  if (text === undefined) throw new Error('skep does not answer at /metrics');
  return countedIn(text);
}

export function countedIn(metrics: string): number {
  let sum = 0;
  for (const [, labels, value] of metrics.matchAll(COUNTS)) {
    if (!labels!.includes('role="HTTP_CLIENT"')) sum += Number(value);
  }
  return sum;
}

/**
 * Waits until skep's count has grown by `expected` since `before`: its /metrics may be a second old.
 * @throws Error with both counts when it has not after ten seconds
 */
export async function countedExactly(before: number, expected: number): Promise<void> {
  let now = 0;
  const equal = async (): Promise<true | undefined> => {
    now = (await counted()) - before;
    return now === expected || undefined;
  };
  await until('the count', equal, 10_000).catch(() => {
    throw new Error(`${expected} requests were sent and answered, skep counted ${now}`);
  });
}

/** A process in a cgroup of its own: what it takes, and its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../../scripts/lib/services.ts';
import { type Group, makeGroup } from '../../../test/support/cgroup.ts';
import { stop, withUs } from '../../lib/process.ts';

export interface Running extends AsyncDisposable {
  readonly pid: number;
  readonly group: Group;
  readonly child: ChildProcess;
  /** Resident memory now, MiB (VmRSS). */
  rss(): number;
}

export interface Launch {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Record<string, string>;
  /** Its output goes to NAME.log here, which the error shows when it does not start. */
  readonly logs: string;
  /** Says that it is ready; asked again until it returns something. */
  ready?(): Promise<unknown> | unknown;
}

let started = 0;

export async function launch({ name, command, env, logs, ready }: Launch): Promise<Running> {
  const group = makeGroup(`${name}-${started++}`);
  const log = join(logs, `${name}.log`);
  const output = openSync(log, 'w');
  const child = withUs(
    spawn('sh', ['-c', `${group.enter}exec "$@"`, 'sh', ...command], {
      stdio: ['ignore', output, output],
      env: { ...process.env, ...env },
    }),
  );
  closeSync(output);
  const removed = (): void => group[Symbol.dispose]();
  process.once('exit', removed);
  const running: Running = {
    pid: child.pid!,
    group,
    child,
    rss: () =>
      Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
    async [Symbol.asyncDispose]() {
      await stop(child, 'SIGTERM');
      process.off('exit', removed);
      removed();
    },
  };
  try {
    if (ready) await until(`${name} to answer`, () => alive(child, name, log) && ready(), 60_000);
    return running;
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
}

function alive(child: ChildProcess, name: string, log: string): true {
  if (child.exitCode === null && child.signalCode === null) return true;
  throw new Error(
    `${name} ended with ${child.exitCode ?? child.signalCode}:\n${readFileSync(log, 'utf8').slice(-2000)}`,
  );
}

/** GET; undefined when nobody listens yet. */
export async function get(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { headers: { connection: 'close' } });
    return answer.ok ? await answer.text() : undefined;
  } catch {
    return undefined; // not listening: the caller asks again, or says who did not answer
  }
}

/** The largest resident memory of processes while `work` runs, looked at twice a second, MiB. */
export async function watchMemory<T>(
  processes: readonly Running[],
  work: () => Promise<T>,
): Promise<{ value: T; most: number[] }> {
  const most = processes.map((p) => p.rss());
  const timer = setInterval(() => {
    for (const [i, p] of processes.entries()) most[i] = Math.max(most[i]!, p.rss());
  }, 500);
  try {
    return { value: await work(), most };
  } finally {
    clearInterval(timer);
  }
}

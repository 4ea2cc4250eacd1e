/** What a process has cost so far, from /proc: exact to the nanosecond for CPU, to the page for memory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of all threads of a process, seconds (scheduler's own account, /proc/PID/task/TID/schedstat). */
export function cpuSeconds(pid: number): number {
  let ns = 0;
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    ns += Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]);
  }
  return ns / 1e9;
}

/** Resident memory in MiB. The second mapping of a ring buffer's pages is the same memory and is taken off. */
export function residentMiB(pid: number, ringBytes = 0): number {
  const kib = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return (kib * 1024 - ringBytes) / 1048576;
}

/** The only child of a process, where a tool runs behind a shell or unshare; the process itself if it has none. */
export function leaf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  return children.length === 1 ? leaf(Number(children[0])) : pid;
}

/** Asks a process to end and waits; kills it after five seconds. */
export async function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  process.kill(leaf(child.pid as number), signal);
  const timer = setTimeout(() => {
    process.kill(leaf(child.pid as number), 'SIGKILL');
    child.kill('SIGKILL');
  }, 5000);
  await ended;
  clearTimeout(timer);
}

export interface Sent {
  readonly sent: number;
  readonly ns: number;
}

/** Runs the generator on CPU 1 and returns what it did. `rate` 0 is as fast as it can. */
export async function generate(generator: string, count: number, rate: number, sets = 16): Promise<Sent> {
  const child = spawn('taskset', ['-c', '1', generator, String(count), String(rate), String(sets)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (data) => {
    out += data;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the generator ended with ${code}`);
  return JSON.parse(out) as Sent;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What a process has cost so far, from /proc, and the load that it is measured under. */
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

export interface Resident {
  /** All of it. A ring buffer is mapped twice in a row, which is the same memory: it counts once. */
  readonly total: number;
  /** The part that is no file's and no ring: heaps and stacks, what the process itself asked for. */
  readonly own: number;
}

/** Resident memory in MiB, from /proc/PID/smaps. */
export function residentMiB(pid: number): Resident {
  let [total, own] = [0, 0];
  let [ring, anonymous] = [false, false];
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) {
      ring = line.includes('bpf-map');
      anonymous = !ring && !/ \/\S/.test(line);
    } else if (line.startsWith('Rss:')) {
      const kib = Number(/\d+/.exec(line)) / (ring ? 2 : 1);
      total += kib;
      if (anonymous) own += kib;
    }
  }
  return { total: total / 1024, own: own / 1024 };
}

/** A child that does not outlive us, whatever ends us. */
export function withUs(child: ChildProcess): ChildProcess {
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  return child;
}

/** Asks a process to end and waits; kills it after ten seconds. */
export async function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}

export interface Sent {
  readonly sent: number;
  /** How long it took. */
  readonly seconds: number;
}

/** Runs the generator on CPU 1 and returns what it did. `rate` 0 is as fast as it can. */
export async function generate(generator: string, count: number, rate: number, sets = 16): Promise<Sent> {
  const child = generatorProcess(generator, count, rate, sets);
  let out = '';
  child.stdout!.on('data', (data) => {
    out += data;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the generator ended with ${code}`);
  const { sent, ns } = JSON.parse(out) as { sent: number; ns: number };
  return { sent, seconds: ns / 1e9 };
}

export function generatorProcess(generator: string, count: number, rate: number, sets = 16): ChildProcess {
  const args = ['-c', '1', generator, String(count), String(rate), String(sets)];
  return withUs(spawn('taskset', args, { stdio: ['ignore', 'pipe', 'inherit'] }));
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

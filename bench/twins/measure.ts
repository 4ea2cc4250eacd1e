/** What a tool costs the process that it watches, by two accounts: the process's own, and the kernel's of the programs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type MemoryCgroup, makeMemoryCgroup } from '../../scripts/lib/memory-cgroup.ts';
import { until } from '../../scripts/lib/services.ts';
import { stop, withUs } from '../lib/process.ts';
import type { Pair, Watched } from './pairs.ts';

/** Nanoseconds an event. */
export interface Cost {
  /** More processor time of the process and its children than without the tool, which runs as it comes. */
  readonly cpu?: number;
  /** In the tool's programs, by the kernel's statistics, switched on for all tools alike. */
  readonly runTime: number;
}

/** How a tool is started; the command as it stands. */
export interface Tool {
  readonly name: string;
  command(w: Watched): string[];
}

/** So many goes in one session of a tool; the least of them counts, since what disturbs only adds. */
const GOES = 7;

/** The process that acts, in a cgroup of its own. */
export class Actor implements AsyncDisposable {
  readonly watched: Watched;
  readonly #child: ChildProcess;
  readonly #cgroup: MemoryCgroup;
  readonly #answers: AsyncIterator<string>;

  readonly #pauseMs: number;

  /**
   * @param prefix what puts it on a processor of its own
   * @param pauseMs how long it sleeps after each burst
   */
  constructor(program: string, prefix: readonly string[], pauseMs: number) {
    this.#pauseMs = pauseMs;
    this.#cgroup = makeMemoryCgroup(`skep-bench-${process.pid}`, 1 << 30);
    process.once('exit', this.#cgroup.remove);
    const command = [...prefix, program];
    this.#child = withUs(spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] }));
    this.watched = { pid: this.#child.pid!, cgroup: this.#cgroup.path };
    writeFileSync(join(this.#cgroup.path, 'cgroup.procs'), String(this.#child.pid));
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Does it, in bursts, and says what one cost of processor time, in ns. */
  async act({ deed, count, burst }: Pair): Promise<number> {
    this.#child.stdin!.write(`${deed} ${count} ${burst} ${this.#pauseMs * 1000}\n`);
    const answer = await this.#answers.next();
    if (answer.done) throw new Error(`the process that is watched ended while it was to do: ${deed}`);
    const { done, cpuNs } = JSON.parse(answer.value) as { done: number; cpuNs: number };
    return cpuNs / done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin!.end();
    await ended;
    process.off('exit', this.#cgroup.remove);
    this.#cgroup.remove();
  }
}

/** One tool beside one process, once: without it, with it, with it and the kernel's statistics. */
export async function measure(actor: Actor, pair: Pair, tool: Tool): Promise<Cost> {
  const { count, eventsPerDeed = 1, timed = false } = pair;
  const goes = async (): Promise<number> => {
    const each: number[] = [];
    for (let i = 0; i < GOES; i++) each.push(await actor.act(pair));
    return Math.min(...each);
  };
  await actor.act(pair);
  const before = timed ? 0 : await goes();
  const [program, ...args] = tool.command(actor.watched);
  const errors = process.env.SKEP_BENCH_DEBUG ? 'inherit' : 'ignore';
  const child = withUs(spawn(program!, args, { stdio: ['ignore', 'ignore', errors] }));
  let beside = 0;
  let runTime: number;
  try {
    await attached(child, tool.name, async () => {
      await actor.act(pair);
      return ran(child.pid!) > 0;
    });
    if (!timed) beside = await goes();
    const each: number[] = [];
    using _statistics = statistics();
    for (let i = 0; i < GOES; i++) {
      const at = spentInPrograms(child.pid!);
      await actor.act(pair);
      each.push((spentInPrograms(child.pid!) - at) / count);
    }
    runTime = Math.min(...each);
  } finally {
    await stop(child);
  }
  if (timed) return { runTime: runTime / eventsPerDeed };
  const alone = (before + (await goes())) / 2;
  return { cpu: (beside - alone) / eventsPerDeed, runTime: runTime / eventsPerDeed };
}

/** Ready is a tool one of whose programs has run for the deed, with statistics on to see it. */
async function attached(child: ChildProcess, name: string, ready: () => Promise<boolean>): Promise<void> {
  using _statistics = statistics();
  await until(
    `${name} to attach`,
    async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
      return (await ready()) || undefined;
    },
    120_000,
  );
}

/** The kernel's account of programs, for as long as this is held. */
function statistics(): Disposable {
  const file = '/proc/sys/kernel/bpf_stats_enabled';
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, '1');
  return { [Symbol.dispose]: () => writeFileSync(file, before) };
}

const spentInPrograms = (pid: number): number => sum(pid, /^run_time_ns:\s+(\d+)$/m);
const ran = (pid: number): number => sum(pid, /^run_cnt:\s+(\d+)$/m);

/** Over the programs that a process holds, each once, of a number in /proc/PID/fdinfo. */
function sum(pid: number, number: RegExp): number {
  const dir = `/proc/${pid}/fdinfo`;
  const programs = new Map<string, number>();
  for (const fd of readdirSync(dir)) {
    let info: string;
    try {
      info = readFileSync(join(dir, fd), 'utf8');
    } catch {
      continue; // closed meanwhile
    }
    const id = /^prog_id:\s+(\d+)$/m.exec(info)?.[1];
    const value = number.exec(info)?.[1];
    if (id && value) programs.set(id, Number(value));
  }
  return [...programs.values()].reduce((a, b) => a + b, 0);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/**
 * The tools that are compared, each started the same way: on the benchmark's probe, ready when its program is in the
 * kernel, able to say how many events came out at its user's end. A peer that is not on this machine is left out.
 *
 *     SKEP_BENCH_BEE=/path/to/bee SKEP_BENCH_IG=/path/to/ig   (bpftrace from PATH)
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, until } from '../../scripts/lib/services.ts';
import { stop, withUs } from './process.ts';
import { skep, type Workplace } from './workplace.ts';

export type ToolName = 'skep' | 'bee' | 'ig' | 'bpftrace';
export type Mode = 'count' | 'json';

export interface Tool extends AsyncDisposable {
  readonly name: ToolName;
  /** The process whose CPU and memory count. */
  readonly pid: number;
  /** Events that came out at the user's end: in the metrics, or as lines, which only its end tells. */
  counted(): Promise<number>;
}

/** Which tools can count (`count`), and which can print JSON lines (`json`). */
export function available(mode: Mode): ToolName[] {
  const tools: ToolName[] = ['skep'];
  if (mode === 'count' && process.env.SKEP_BENCH_BEE) tools.push('bee');
  if (mode === 'json' && process.env.SKEP_BENCH_IG) tools.push('ig');
  if (mode === 'json' && existsSync('/usr/bin/bpftrace')) tools.push('bpftrace');
  return tools;
}

/** bee and ig look for tracefs under debugfs only: they get a mount namespace of their own that has it there. */
const PRIVATE_MOUNTS = [
  ...['unshare', '-m', 'sh', '-c'],
  'mount -t debugfs debugfs /sys/kernel/debug; mount -t tracefs tracefs /sys/kernel/debug/tracing; exec "$@"',
  'sh',
];

/** The command line of a tool that prints the benchmark's events as lines, bare or from its image store. */
export function printing(name: ToolName, place: Workplace, buffered = true): string[] {
  switch (name) {
    case 'skep':
      return [skep, 'run', place.image, '-o', 'json', '--no-prom'];
    case 'ig':
      return [
        ...PRIVATE_MOUNTS,
        process.env.SKEP_BENCH_IG as string,
        ...['run', 'bench:latest', '-o', 'json', '--verify-image=false', '--pull=never'],
      ];
    case 'bpftrace':
      return ['bpftrace', '-B', buffered ? 'full' : 'line', '-e', BPFTRACE];
    case 'bee':
      throw new Error('bee does not print events');
  }
}

const BPFTRACE =
  'tracepoint:syscalls:sys_enter_getpgid /comm == "skepgen"/ ' +
  '{ printf("{\\"pid\\":%d,\\"addr\\":\\"%s\\",\\"value\\":%d,\\"code\\":%d,\\"comm\\":\\"%s\\"}\\n", ' +
  'pid, ntop(10 | ((args->pid - 1000000000) << 8)), 4096, 7, comm); }';

/** bee on an object, with or without its full-screen view. */
export function beeCommand(object: string, ...flags: string[]): string[] {
  return [...PRIVATE_MOUNTS, process.env.SKEP_BENCH_BEE as string, 'run', ...flags, object];
}

/** Starts a tool and waits until its program is in the kernel. `object` is what counts: a ring unless said. */
export async function startTool(
  name: ToolName,
  mode: Mode,
  place: Workplace,
  object = place.counter,
): Promise<Tool> {
  if (mode === 'json') return lines(name, place);
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  if (name === 'bee') {
    const child = launch(beeCommand(object, '--no-tty', '--prom-port', String(port)));
    return running(name, child, () => scrape(address));
  }
  // Without an end of its own a JSON line for each series is all that it writes beside /metrics.
  const interval = object === place.hash ? '1s' : '1h';
  const child = launch([skep, 'run', object, '-o', 'json', '--interval', interval, '--prom-listen', address]);
  return running(name, child, () => scrape(address));
}

/** A tool that prints: its lines go through a pipe into `wc -l`, whose CPU is not the tool's. */
async function lines(name: ToolName, place: Workplace): Promise<Tool> {
  const pipe = join(place.dir, `lines-${name}-${Date.now()}`);
  execFileSync('mkfifo', [pipe]);
  const counter = spawn('sh', ['-c', 'exec wc -l <"$1"', 'sh', pipe], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let total = '';
  counter.stdout.on('data', (data) => {
    total += data;
  });
  const closed = once(counter, 'close');
  const end = openSync(pipe, 'w');
  const child = launch(printing(name, place), end);
  closeSync(end);
  return running(name, child, async () => {
    await stop(child);
    await closed;
    return Number(total);
  });
}

function launch(command: string[], stdout: number | 'ignore' = 'ignore'): ChildProcess {
  const errors = process.env.SKEP_BENCH_DEBUG ? 'inherit' : 'ignore';
  return withUs(spawn(command[0]!, command.slice(1), { stdio: ['ignore', stdout, errors] }));
}

async function running(name: ToolName, child: ChildProcess, counted: () => Promise<number>): Promise<Tool> {
  const tool = { name, pid: child.pid!, counted, [Symbol.asyncDispose]: () => stop(child) };
  try {
    await until(`${name} to attach`, () => attached(child, name), 30_000);
    await settled();
  } catch (error) {
    await stop(child);
    throw error;
  }
  return tool;
}

/** What a start leaves to do (compiling, /metrics) is not part of what an event costs. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1200));
}

/** BPF_PROG_TYPE_TRACEPOINT, as /proc/PID/fdinfo has it. */
const TRACEPOINT_PROGRAM = /^prog_type:\s+5$/m;

function attached(child: ChildProcess, name: string): true | undefined {
  if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
  return descriptors(child.pid!).some((info) => TRACEPOINT_PROGRAM.test(info)) || undefined;
}

/** What the kernel says of each open descriptor of a process. */
function descriptors(pid: number): string[] {
  const dir = `/proc/${pid}/fdinfo`;
  return readdirSync(dir).flatMap((fd) => {
    try {
      return [readFileSync(join(dir, fd), 'utf8')];
    } catch {
      return []; // closed meanwhile
    }
  });
}

async function scrape(address: string): Promise<number> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  let sum = 0;
  for (const [, value] of text.matchAll(/^\w+\{[^}]*comm="skepgen"[^}]*\} (\S+)/gm)) sum += Number(value);
  return sum;
}

/** What the probe itself counted: calls seen, and records that found the ring full. bpftrace has no such map. */
export function truth(tool: Tool): { seen: number; dropped: number } {
  if (tool.name === 'bpftrace') return { seen: Number.NaN, dropped: 0 };
  // An array of two entries of eight bytes: no other map of the probes looks so.
  const map = descriptors(tool.pid).find(
    (info) =>
      /^map_type:\s+2$/m.test(info) && /^value_size:\s+8$/m.test(info) && /^max_entries:\s+2$/m.test(info),
  );
  const id = /^map_id:\s+(\d+)$/m.exec(map ?? '')?.[1];
  if (!id) throw new Error(`${tool.name} has no map bench_truth`);
  const dump = JSON.parse(execFileSync('bpftool', ['-j', 'map', 'dump', 'id', id], { encoding: 'utf8' })) as {
    value: string[];
  }[];
  const value = (i: number): number => Number(Buffer.from(dump[i]!.value.map(Number)).readBigUInt64LE());
  return { seen: value(0), dropped: value(1) };
}

/**
 * The tools that are compared, each started the same way: on the benchmark's probe, ready when it is attached, able to
 * say how many events it has counted. A peer whose program is not given is left out, and the report says so.
 *
 *     SKEP_BENCH_BEE=/path/to/bee SKEP_BENCH_IG=/path/to/ig   (bpftrace from PATH)
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, until } from '../../scripts/lib/services.ts';
import { leaf, stop } from './process.ts';

const root = join(import.meta.dirname, '../..');

export type ToolName = 'skep' | 'bee' | 'ig' | 'bpftrace';
export type Mode = 'count' | 'json';

export interface RunningTool extends AsyncDisposable {
  readonly name: ToolName;
  /** The process whose CPU and memory count. */
  readonly pid: number;
  /** Events that came out at the user's end: in the metrics, or as lines. */
  counted(): Promise<number>;
}

export interface Workplace {
  /** Compiled probes, generator, stores; removed at the end. */
  readonly dir: string;
  readonly generator: string;
}

/** Which tools can take part in a mode. */
export function available(mode: Mode): ToolName[] {
  const tools: ToolName[] = ['skep'];
  if (mode === 'count' && process.env.SKEP_BENCH_BEE) tools.push('bee');
  if (mode === 'json' && process.env.SKEP_BENCH_IG) tools.push('ig');
  if (existsSync('/usr/bin/bpftrace')) tools.push('bpftrace');
  return tools;
}

/** bee and ig know tracefs only under debugfs: they get a mount namespace of their own that has it there. */
const PRIVATE_MOUNTS = [
  'unshare',
  '-m',
  'sh',
  '-c',
  'mount -t debugfs debugfs /sys/kernel/debug && mount -t tracefs tracefs /sys/kernel/debug/tracing; exec "$@"',
  'sh',
];

/** Starts a tool on the ring-buffer probe and waits until its program is in the kernel. */
export async function startTool(name: ToolName, mode: Mode, place: Workplace): Promise<RunningTool> {
  switch (name) {
    case 'skep':
      return mode === 'count' ? skepCount(place) : skepLines(place);
    case 'bee':
      return bee(place);
    case 'ig':
      return ig();
    case 'bpftrace':
      return mode === 'count' ? bpftraceCount() : bpftraceLines();
  }
}

export const skepBinary = join(root, 'bin/skep');

async function skepCount(place: Workplace): Promise<RunningTool> {
  const address = `127.0.0.1:${await freePort()}`;
  const child = launch([
    skepBinary,
    ...['run', join(place.dir, 'counter.o'), '-o', 'json', '--interval', '1h', '--prom-listen', address],
  ]);
  const counted = (): Promise<number> => scrape(address, /^skep_events_total\{[^}]*\} (\S+)/gm);
  return running('skep', child, counted);
}

async function skepLines(place: Workplace): Promise<RunningTool> {
  return lines('skep', [skepBinary, 'run', join(place.dir, 'print.o'), '-o', 'json', '--no-prom']);
}

async function bee(place: Workplace): Promise<RunningTool> {
  const port = await freePort();
  const child = launch([
    ...PRIVATE_MOUNTS,
    process.env.SKEP_BENCH_BEE as string,
    ...['run', '--no-tty', '--prom-port', String(port), join(place.dir, 'counter.o')],
  ]);
  const counted = (): Promise<number> =>
    scrape(`127.0.0.1:${port}`, /^ebpf_solo_io_counter_events\{[^}]*\} (\S+)/gm);
  return running('bee', child, counted);
}

async function ig(): Promise<RunningTool> {
  const run = ['run', 'bench:latest', '-o', 'json', '--verify-image=false', '--pull=never'];
  return lines('ig', [...PRIVATE_MOUNTS, process.env.SKEP_BENCH_IG as string, ...run]);
}

const FILTER = 'tracepoint:syscalls:sys_enter_getpgid /comm == "skepgen"/';

async function bpftraceLines(): Promise<RunningTool> {
  const fields = '{"pid":%d,"addr":"%s","value":%d,"code":%d,"comm":"%s"}\\n';
  const escaped = fields.replaceAll('"', '\\"');
  const script = `${FILTER} { printf("${escaped}", pid, ntop(10 | ((args->pid - 1000000000) << 8)), 4096, 7, comm); }`;
  return lines('bpftrace', ['bpftrace', '-B', 'full', '-e', script]);
}

async function bpftraceCount(): Promise<RunningTool> {
  const script = `${FILTER} { @[pid, args->pid, comm] = count(); }`;
  const child = launch(['bpftrace', '-e', script]);
  return running('bpftrace', child, () => Promise.resolve(Number.NaN));
}

/** A tool that prints: its lines go through a pipe into `wc -l`, whose CPU is not the tool's. */
async function lines(name: ToolName, command: string[]): Promise<RunningTool> {
  const counter = spawn('wc', ['-l'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let total = '';
  counter.stdout.on('data', (data) => {
    total += data;
  });
  const closed = once(counter, 'close');
  const child = launch(command, counter.stdin as unknown as { _handle: unknown });
  const tool = await running(name, child, async () => {
    await stop(child);
    counter.stdin.end();
    await closed;
    return Number(total);
  });
  return tool;
}

function launch(command: string[], stdout: unknown = 'ignore'): ChildProcess {
  return spawn(command[0], command.slice(1), {
    stdio: ['ignore', stdout as 'ignore', process.env.SKEP_BENCH_DEBUG ? 'inherit' : 'ignore'],
  });
}

async function running(
  name: ToolName,
  child: ChildProcess,
  counted: () => Promise<number>,
): Promise<RunningTool> {
  await until(`${name} to attach`, () => attached(child, name), 30_000);
  return {
    name,
    pid: leaf(child.pid as number),
    counted,
    [Symbol.asyncDispose]: () => stop(child),
  };
}

/** A tool is attached when a process of its own holds a perf event or a BPF link on our tracepoint. */
function attached(child: ChildProcess, name: ToolName): true | undefined {
  if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
  const pid = leaf(child.pid as number);
  const links = JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'show'], { encoding: 'utf8' })) as {
    pids?: { pid: number }[];
    name?: string;
    type: string;
  }[];
  return (
    links.some((prog) => prog.type === 'tracepoint' && prog.pids?.some((owner) => owner.pid === pid)) ||
    undefined
  );
}

async function scrape(address: string, pattern: RegExp): Promise<number> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  let sum = 0;
  for (const [, value] of text.matchAll(pattern)) sum += Number(value);
  return sum;
}

/** What the probe itself counted: calls seen, and records refused by a full ring. NaN for bpftrace, which has no map. */
export function truth(tool: RunningTool): { seen: number; dropped: number } {
  if (tool.name === 'bpftrace') return { seen: Number.NaN, dropped: 0 };
  const maps = JSON.parse(execFileSync('bpftool', ['-j', 'map', 'show'], { encoding: 'utf8' })) as {
    id: number;
    name?: string;
    pids?: { pid: number }[];
  }[];
  const map = maps.find((m) => m.name === 'bench_truth' && m.pids?.some((owner) => owner.pid === tool.pid));
  if (!map) throw new Error(`${tool.name} has no map bench_truth`);
  const dump = JSON.parse(
    execFileSync('bpftool', ['-j', 'map', 'dump', 'id', String(map.id)], { encoding: 'utf8' }),
  ) as { formatted?: { value: number }; value: string[] }[];
  const value = (i: number): number =>
    dump[i].formatted?.value ?? Number(Buffer.from(dump[i].value.map(Number)).readBigUInt64LE());
  return { seen: value(0), dropped: value(1) };
}

/** `clang -target bpf` for one of bench/probes, against this kernel's types. */
export function compileProbe(
  source: string,
  object: string,
  vmlinuxDir: string,
  defines: string[] = [],
): void {
  execFileSync('clang', [
    ...['-g', '-O2', '-target', 'bpf', '-D__TARGET_ARCH_x86'],
    ...defines.map((define) => `-D${define}`),
    `-I${vmlinuxDir}`,
    `-I${join(root, 'packages/probe/include')}`,
    ...['-c', join(root, 'bench/probes', source), '-o', object],
  ]);
}

export function versionOf(tool: ToolName): string {
  if (tool === 'bpftrace') return execFileSync('bpftrace', ['--version'], { encoding: 'utf8' }).trim();
  if (tool === 'skep')
    return JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8')).version;
  return tool === 'bee' ? 'bee (SKEP_BENCH_BEE)' : 'ig (SKEP_BENCH_IG)';
}

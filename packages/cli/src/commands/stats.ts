import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { ask, notRunning } from '../instances/client.ts';
import { findInstance, type Instance, listInstances } from '../instances/folder.ts';
import type { InstanceStats } from '../instances/protocol.ts';
import { canDraw } from '../output/color.ts';
import { formatRows, type Row } from '../output/format.ts';
import { out } from '../output/out.ts';
import { humanSize } from '../output/size.ts';

const columns = ['Name', 'CPU', 'ProbeCPU', 'Memory', 'Events', 'EventsPerSecond', 'Lost', 'Series'];

interface Flags {
  stream: boolean;
  format?: string;
}

/** `skep stats` */
export function define(command: Command): void {
  command
    .argument('[instance...]', 'names, or beginnings of ids; all that run unless said')
    .option('--no-stream', 'one look, then the end')
    .option('--format <template>', "json, 'table …' or a Go template; json in a pipe unless said")
    .action(stats);
  examples(
    command,
    'sudo skep stats',
    'sudo skep stats --no-stream kills',
    "sudo skep stats --no-stream --format '{{.Name}} {{.EventsPerSecond}}'",
    '',
    'CPU is that of the process, ProbeCPU that of its programs in the kernel, both of one processor.',
    'Fields: ID Name CPU ProbeCPU CPUPercent ProbeCPUPercent Memory MemoryBytes Events EventsPerSecond Lost',
    '        LossUnknown Series Seconds LogDropped',
  );
}

async function stats(words: string[], flags: Flags): Promise<void> {
  const named = words.map((word) => findInstance(word));
  for (const instance of named) if (instance.state !== 'running') throw notRunning(instance);
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.once('SIGINT', end).once('SIGTERM', end);
  const format = flags.format ?? (process.stdout.isTTY ? undefined : 'json');
  try {
    do {
      const ids = new Set(named.map((i) => i.id));
      const asked = listInstances().filter((i) => ids.size === 0 || ids.has(i.id));
      const running = asked.filter((i) => i.state === 'running');
      // Nothing more will come of those that were asked for.
      if (ids.size > 0 && running.length === 0) return;
      const rows = await Promise.all(running.map(rowOf));
      const table = formatRows(
        rows.filter((row) => row !== undefined),
        columns,
        format,
      );
      await out(
        `${flags.stream && format === undefined && canDraw(process.stdout) ? '\x1b[H\x1b[2J' : ''}${table}`,
      );
    } while (flags.stream && (await passed(stop.signal)));
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
  }
}

/** One that ends meanwhile has no row. */
async function rowOf(instance: Instance): Promise<Row | undefined> {
  const s = await ask<InstanceStats>(instance, { ask: 'stats' }).catch((error: { code?: string }) => {
    if (error.code === 'SKEP_NOT_RUNNING') return undefined;
    throw error;
  });
  if (s === undefined) return undefined;
  return {
    ID: instance.id,
    Name: instance.name,
    CPU: percent(s.cpuPercent),
    CPUPercent: s.cpuPercent,
    ProbeCPU: s.probeCpuPercent === undefined ? '--' : percent(s.probeCpuPercent),
    ProbeCPUPercent: s.probeCpuPercent ?? null,
    Memory: humanSize(s.memoryBytes),
    MemoryBytes: s.memoryBytes,
    Events: s.events,
    EventsPerSecond: Math.round(s.eventsPerSecond * 10) / 10,
    Lost: s.lossUnknown.length > 0 && s.lost === 0 ? '--' : s.lost,
    LossUnknown: s.lossUnknown.join(','),
    Series: s.series,
    Seconds: s.seconds,
    LogDropped: s.logDropped,
  };
}

function percent(n: number): string {
  return `${n.toFixed(2)}%`;
}

async function passed(signal: AbortSignal): Promise<boolean> {
  return wait(1000, true, { signal }).catch((e: Error) => {
    if (e.name === 'AbortError') return false;
    throw e;
  });
}

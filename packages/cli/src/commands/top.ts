import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { programFields } from '../inventory/fields.ts';
import { programCosts, topTable } from '../inventory/rows.ts';
import { canDraw } from '../output/color.ts';
import { out } from '../output/out.ts';
import { template, toJson } from '../output/template.ts';
import { parseDuration } from '../values.ts';

interface Flags {
  interval: number;
  stream: boolean;
  format?: string;
}

/** `skep top` */
export function define(command: Command): void {
  command
    .option('--interval <time>', 'between two looks', parseDuration('--interval'), 2000)
    .option('--no-stream', 'one interval, then the end')
    .option('--format <template>', 'json, or a Go template filled for each program')
    .action(top);
  examples(
    command,
    'sudo skep top',
    'sudo skep top --no-stream --interval 10s',
    "sudo skep top --no-stream --format '{{.ID}} {{.Name}} {{.CPUPercent}}'",
    '',
    'Shows every BPF program of this machine, whoever loaded it: its share of one processor, runs a second, nanoseconds a run, memory with its maps, and the processes that hold it.',
    'While it runs the kernel keeps the time of all programs, about 20 ns a run.',
    'Maps and links too: skep doctor --all',
    'Fields: ID Type Name CPUPercent RunsPerSecond RunTimeNs RunCount MemoryBytes WithMapsBytes',
    '        Maps Links Owners',
  );
}

async function top(flags: Flags): Promise<void> {
  const filled = flags.format && flags.format !== 'json' ? template(flags.format) : undefined;
  const { enableStats, takeInventory } = await import('@skep/bpf');
  const stop = new AbortController();
  const end = () => stop.abort();
  process.once('SIGINT', end).once('SIGTERM', end);
  // Without it two looks would compare nothing with nothing.
  using _stats = enableStats();
  try {
    let before = takeInventory();
    let taken = performance.now();
    while (await passed(flags.interval, stop.signal)) {
      const now = takeInventory();
      const at = performance.now();
      const costs = programCosts(now, before, (at - taken) / 1000);
      [before, taken] = [now, at];
      if (flags.format === undefined) await show(topTable(costs), flags.stream);
      else {
        const rows = costs.map(programFields);
        await out(rows.map((row) => `${filled ? filled.fill(row) : toJson(row)}\n`).join(''));
      }
      if (!flags.stream) return;
    }
  } finally {
    process.removeListener('SIGINT', end).removeListener('SIGTERM', end);
  }
}

/** On a terminal each table takes the place of the one before. */
async function show(table: string, stream: boolean): Promise<void> {
  const home = stream && canDraw(process.stdout) ? '\x1b[H\x1b[2J' : '';
  await out(`${home}${table}`);
}

/** False when it was interrupted. */
async function passed(ms: number, signal: AbortSignal): Promise<boolean> {
  return wait(ms, true, { signal }).catch((e: Error) => {
    if (e.name === 'AbortError') return false;
    throw e;
  });
}

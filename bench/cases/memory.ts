import { once } from 'node:events';
import type { Case } from '../lib/case.ts';
import { inTurn } from '../lib/case.ts';
import { lineChart } from '../lib/plot.ts';
import { generatorProcess, pause, type Resident, residentMiB } from '../lib/process.ts';
import { conditions, footer, write } from '../lib/report.ts';
import { spread } from '../lib/statistics.ts';
import { available, startTool, type Tool, type ToolName } from '../lib/tools.ts';
import type { Workplace } from '../lib/workplace.ts';

export const memory: Case = {
  name: 'memory',
  title: 'Resident memory, 100 series, 16 MiB ring',
  unit: 'MiB',
  target: '75',
  conditions:
    'the most seen in 6 s at full speed; the ring, which is mapped twice, counts once; ig and bpftrace print',
  async round(place, round) {
    const out: Record<string, number> = {};
    const tools = new Set<ToolName>([...available('count'), ...available('json')]);
    for (const name of inTurn([...tools], round)) {
      await using tool = await startTool(name, name === 'skep' || name === 'bee' ? 'count' : 'json', place);
      out[name] = Math.max(...(await underLoad(tool, place, 6)).map((p) => p.total));
    }
    return out;
  },
};

export const flat: Case = {
  name: 'memory-flat',
  title: 'Growth of resident memory at full speed',
  unit: 'MiB',
  target: 'none in ten minutes',
  times: 1 / 3,
  conditions:
    'the median of the last third less that of the first; own: heaps and stacks alone; SKEP_BENCH_FLAT_SECONDS (60; 600 for the ten minutes)',
  async round(place) {
    await using tool = await startTool('skep', 'count', place);
    const points = await underLoad(tool, place, Number(process.env.SKEP_BENCH_FLAT_SECONDS ?? 60));
    const third = Math.floor(points.length / 3);
    const growth = (of: (p: Point) => number): number =>
      spread(points.slice(-third).map(of)).median - spread(points.slice(0, third).map(of)).median;
    const line = points.map(({ s, total }): [number, number] => [s, total]);
    write(
      'memory-over-time.svg',
      lineChart('Resident memory at full speed', 'MiB, the ring counted once', line, footer(conditions())),
    );
    return { skep: growth((p) => p.total), 'skep (own)': growth((p) => p.own) };
  },
};

interface Point extends Resident {
  readonly s: number;
}

/** Resident memory twice a second while the generator runs at full speed. */
async function underLoad(tool: Tool, place: Workplace, seconds: number): Promise<Point[]> {
  const load = generatorProcess(place.generator, 1e12, 0, 100);
  const ended = once(load, 'close');
  const points: Point[] = [];
  const began = performance.now();
  try {
    while (performance.now() - began < seconds * 1000) {
      await pause(500);
      points.push({ s: (performance.now() - began) / 1000, ...residentMiB(tool.pid) });
    }
  } finally {
    load.kill();
    await ended;
  }
  return points;
}

import { type Case, inTurn } from '../lib/case.ts';
import { cpuSeconds, generate, pause } from '../lib/process.ts';
import { available, type Mode, startTool, type Tool, type ToolName } from '../lib/tools.ts';
import type { Workplace } from '../lib/workplace.ts';

/** A rate that the tool can just keep up with, events/s; 0: as fast as the generator can. */
const BEST: Record<Mode, Partial<Record<ToolName, number>>> = {
  count: { skep: 0, bee: 250_000 },
  json: { skep: 1_000_000, ig: 400_000, bpftrace: 80_000 },
};
const SECONDS = 2;

export const cpuCounted: Case = {
  name: 'cpu-counted',
  title: 'CPU per event at that rate, counted',
  unit: 'us',
  target: '0.27',
  conditions: 'skep 3 M events at full speed, bee 250,000/s',
  round: (place, round) => each('count', place, round, (name) => BEST.count[name]!),
};

export const cpuJson: Case = {
  name: 'cpu-json',
  title: 'CPU per event printed as a JSON line to a pipe',
  unit: 'us',
  target: '0.7; 1 M lines/s on one core',
  conditions: 'skep 1,000,000/s with every line read, ig 400,000/s, bpftrace 80,000/s, into wc -l',
  round: (place, round) => each('json', place, round, (name) => BEST.json[name]!),
};

export const cpuSlow: Case = {
  name: 'cpu-20k',
  title: 'CPU per event at 20,000 events/s',
  unit: 'us',
  target: '1',
  conditions: '3 s; skep and bee count, the others print; skep also prints',
  async round(place, round) {
    const counted = await each('count', place, round, () => 20_000);
    const { skep, ...printed } = await each('json', place, round, () => 20_000);
    return { ...counted, 'skep (JSON)': skep!, ...printed };
  },
};

async function each(
  mode: Mode,
  place: Workplace,
  round: number,
  rateOf: (name: ToolName) => number,
): Promise<Record<string, number>> {
  const out: Record<string, number> = {};
  for (const name of inTurn(available(mode), round)) {
    await using tool = await startTool(name, mode, place);
    out[name] = await microseconds(tool, place, mode, rateOf(name));
  }
  return out;
}

async function microseconds(tool: Tool, place: Workplace, mode: Mode, rate: number): Promise<number> {
  const count = rate === 0 ? 3_000_000 : rate * SECONDS;
  // Code that is compiled while it runs gets a short run first.
  const warm = Math.min(count, 100_000);
  await generate(place.generator, warm, rate);
  await pause(200);
  const before = cpuSeconds(tool.pid);
  const { sent } = await generate(place.generator, count, rate);
  await pause(250);
  const spent = cpuSeconds(tool.pid) - before;
  if (tool.name === 'skep') {
    const arrived = await tool.counted();
    if (arrived !== sent + warm)
      throw new Error(`skep: ${arrived} of ${sent + warm} ${mode === 'json' ? 'lines' : 'events'}`);
  }
  return (spent * 1e6) / sent;
}

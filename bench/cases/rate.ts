import { type Case, inTurn } from '../lib/case.ts';
import { generate, pause } from '../lib/process.ts';
import { available, startTool, type Tool, type ToolName, truth } from '../lib/tools.ts';
import type { Workplace } from '../lib/workplace.ts';

const FULL_SPEED = 3_000_000;
const STEP_SECONDS = 2;
const STEPS = 5;

/** The highest rate at which nothing is lost. */
export const rate: Case = {
  name: 'rate',
  title: 'Highest rate without loss',
  unit: 'events/s',
  target: 'all that one core can produce, none lost',
  conditions:
    '16 MiB ring, 16 label sets; at full speed first, then bisection; skep and bee count, ig prints JSON, bpftrace prints and holds the program back',
  async round(place, round) {
    const out: Record<string, number> = {};
    const tools = new Set<ToolName>([...available('count'), ...available('json')]);
    for (const name of inTurn([...tools], round)) {
      await using tool = await startTool(name, name === 'skep' || name === 'bee' ? 'count' : 'json', place);
      out[name] = await highest(tool, place);
    }
    return out;
  },
};

async function highest(tool: Tool, place: Workplace): Promise<number> {
  const full = await attempt(tool, place, FULL_SPEED, 0);
  if (full.lost === 0) return full.rate;
  let [good, bad] = [0, full.rate];
  for (let step = 0; step < STEPS; step++) {
    const asked = (good + bad) / 2;
    const { lost, rate } = await attempt(tool, place, Math.round(asked * STEP_SECONDS), asked);
    if (lost === 0 && rate > 0.97 * asked) good = rate;
    else bad = asked;
  }
  return good;
}

/** Lost: dropped by a full ring, or not counted a quarter of a second after the last event. */
async function attempt(
  tool: Tool,
  place: Workplace,
  count: number,
  rate: number,
): Promise<{ lost: number; rate: number }> {
  const counts = tool.name === 'skep' || tool.name === 'bee';
  const droppedBefore = truth(tool).dropped;
  const countedBefore = counts ? await tool.counted() : 0;
  const { sent, seconds } = await generate(place.generator, count, rate);
  await pause(250);
  const dropped = truth(tool).dropped - droppedBefore;
  const missing = counts ? sent - ((await tool.counted()) - countedBefore) : 0;
  return { lost: Math.max(dropped, missing), rate: sent / seconds };
}

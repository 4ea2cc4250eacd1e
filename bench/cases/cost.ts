import { type Case, inTurn } from '../lib/case.ts';
import { generate } from '../lib/process.ts';
import { available, startTool, type ToolName } from '../lib/tools.ts';

const BURST = 200_000;

export const cost: Case = {
  name: 'cost',
  title: 'Cost to the watched program, per event',
  unit: 'ns',
  target: '150',
  conditions:
    'burst of 200,000 calls with and without the tool; the probe submits with flags 0, so the kernel may wake',
  async round(place, round) {
    const nanoseconds = async (): Promise<number> => {
      await generate(place.generator, BURST / 10, 0);
      const { sent, seconds } = await generate(place.generator, BURST, 0);
      return (seconds * 1e9) / sent;
    };
    const alone = await nanoseconds();
    const out: Record<string, number> = {};
    const tools = new Set<ToolName>([...available('count'), ...available('json')]);
    for (const name of inTurn([...tools], round)) {
      await using _tool = await startTool(name, name === 'skep' || name === 'bee' ? 'count' : 'json', place);
      out[name] = (await nanoseconds()) - alone;
    }
    return out;
  },
};

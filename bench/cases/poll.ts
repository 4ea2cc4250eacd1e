import { type Case, inTurn } from '../lib/case.ts';
import { cpuSeconds, generate, generatorProcess, pause } from '../lib/process.ts';
import { available, startTool } from '../lib/tools.ts';

const KEYS = 16_384;
const SECONDS = 4;

export const poll: Case = {
  name: 'poll',
  title: 'Hash map of 16,384 keys, polled each second',
  unit: 'ms CPU per second',
  target: '10',
  conditions:
    'keys at rest; "changing": every key counted in every second, and skep also writes a JSON line for each',
  async round(place, round) {
    const out: Record<string, number> = {};
    for (const name of inTurn(available('count'), round)) {
      await using tool = await startTool(name, 'count', place, place.hash);
      await generate(place.generator, KEYS * 2, 0, KEYS);
      await pause(3000);
      out[name] = await cpuPerSecond(tool.pid);
      const load = generatorProcess(place.generator, 50_000 * (SECONDS + 3), 50_000, KEYS);
      await pause(2500);
      out[`${name} (changing)`] = await cpuPerSecond(tool.pid);
      load.kill();
    }
    return out;
  },
};

async function cpuPerSecond(pid: number): Promise<number> {
  const before = cpuSeconds(pid);
  await pause(SECONDS * 1000);
  return ((cpuSeconds(pid) - before) * 1000) / SECONDS;
}

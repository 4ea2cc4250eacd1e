/** From starting skep to the first metric of a service that was running before, with requests under way. */
import { setTimeout as pause } from 'node:timers/promises';
import { figures, spread } from '../../lib/statistics.ts';
import { agentCommand, agentName, countedIn } from '../lib/agent.ts';
import type { Measured, Part } from '../lib/case.ts';
import { startLoad } from '../lib/load.ts';
import { bars } from '../lib/picture.ts';
import { AGENT, type Place } from '../lib/place.ts';
import { get, launch } from '../lib/process.ts';
import { startServer } from '../lib/server.ts';
import { table } from '../lib/tables.ts';
import { variantsOf } from '../lib/variants.ts';

export const start: Part = { name: 'start', title: 'Start to first metric', measure };

async function measure(place: Place): Promise<Measured> {
  const starts = 3 * place.rounds;
  await using server = await startServer(place, variantsOf('go')[0]!);
  await using _load = startLoad(place, {
    query: 'objects=1&tasks=0&gzip=0',
    rate: 200,
    seconds: starts * 60,
  });
  await pause(1000);
  const ms: number[] = [];
  for (let i = 0; i < starts; i++) ms.push(await once(place, server.pid));
  const { least, median, most } = spread(ms);
  const text =
    `${agentName()} beside a Go server that k6 sends 200 requests/s to, over connections older than it; from exec to the ` +
    `first scrape that has a request in it, asked each 10 ms; ${starts} starts.\n\n` +
    table(
      ['start to first metric, ms', 'range'],
      [[`**${figures(median)}**`, `${figures(least)} to ${figures(most)}`]],
    );
  return { text, plots: { ms: bars('Start to first metric', 'ms', { skep: spread(ms) }) }, figures: ms };
}

async function once(place: Place, pid: number): Promise<number> {
  const began = performance.now();
  await using _agent = await launch({
    name: 'skep',
    command: agentCommand({ pid, port: 8080 }),
    logs: place.dir,
  });
  for (;;) {
    const text = await get(`http://${AGENT}/metrics`);
    if (text !== undefined && countedIn(text) > 0) return performance.now() - began;
    if (performance.now() - began > 60_000)
      throw new Error('skep had no metric of a running service after a minute');
    await pause(10);
  }
}

/** What the agent itself takes while it counts: it is to grow with series, not with requests. */
import { inTurn } from '../../lib/case.ts';
import { figures, spread } from '../../lib/statistics.ts';
import { agentName, counted, countedExactly, startAgent } from '../lib/agent.ts';
import type { Measured, Part } from '../lib/case.ts';
import { buildKeepalive } from '../lib/keepalive.ts';
import { bars } from '../lib/picture.ts';
import type { Place } from '../lib/place.ts';
import { openSource } from '../lib/source.ts';
import { table } from '../lib/tables.ts';

const rates = [0, 1000, 5000, 20_000];
const ROUTES = 100;

export const flat: Part = { name: 'flat', title: 'The agent while it counts', measure };

async function measure(place: Place): Promise<Measured> {
  const { rounds } = place;
  const seconds = place.quick ? 5 : 15;
  const program = buildKeepalive(place.dir);
  const taken = new Map<number, { cpu: number; memory: number; reached: number }[]>(
    rates.map((rate) => [rate, []]),
  );
  for (let round = 0; round < rounds; round++) {
    for (const rate of inTurn(rates, round)) taken.get(rate)!.push(await once(place, program, rate, seconds));
    console.log(`  flat, round ${round + 1}/${rounds}`);
  }
  const cpu = (rate: number) => spread(taken.get(rate)!.map((t) => t.cpu * 100));
  const text =
    `${agentName()} watches one process that is both ends of a connection, ${ROUTES} routes: ${2 * ROUTES} series. Each ` +
    `rate ${rounds} times ${seconds} s, after as much to warm up; CPU of the agent's own cgroup. Every request was counted, ` +
    'and as often as it was sent.\n\n' +
    table(
      ['requests/s asked for', 'reached', 'agent CPU, % of a core', 'range', 'agent MiB'],
      rates.map((rate) => {
        const { median, least, most } = cpu(rate);
        const middle = (of: 'memory' | 'reached'): string =>
          figures(spread(taken.get(rate)!.map((t) => t[of])).median);
        return [
          figures(rate),
          middle('reached'),
          `**${figures(median)}**`,
          `${figures(least)} to ${figures(most)}`,
          middle('memory'),
        ];
      }),
    );
  const values = Object.fromEntries(rates.map((rate) => [`skep, ${figures(rate)}/s`, cpu(rate)]));
  const plots = { cpu: bars('CPU of the agent while it counts', '% of a core', values) };
  return { text, plots, figures: Object.fromEntries(taken) };
}

async function once(place: Place, program: string, rate: number, seconds: number) {
  // At rate 0 the series exist, from a second of requests, and nothing comes any more.
  await using source = await openSource(program, {
    rate: rate || 1000,
    seconds: rate ? seconds : 1,
    routes: ROUTES,
  });
  await using agent = await startAgent(place, { pid: source.pid });
  await source.run();
  await countedExactly(0, source.count);
  const before = await counted();
  const cpu = agent.group.cpuSeconds();
  const began = performance.now();
  let reached = 0;
  if (rate) reached = await source.run();
  else await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const spent = (agent.group.cpuSeconds() - cpu) / ((performance.now() - began) / 1000);
  if (rate) await countedExactly(before, source.count);
  return { cpu: spent, memory: agent.rss(), reached };
}

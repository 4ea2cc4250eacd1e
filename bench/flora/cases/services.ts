/** What the agent takes by the number of services that it watches. */
import { inTurn } from '../../lib/case.ts';
import { figures, spread } from '../../lib/statistics.ts';
import { agentName } from '../lib/agent.ts';
import type { Measured, Part } from '../lib/case.ts';
import { bars } from '../lib/picture.ts';
import type { Place } from '../lib/place.ts';
import { table } from '../lib/tables.ts';
import { talk } from '../lib/talk.ts';

const counts = [1, 10, 100, 1000];
/** Of all services together, a second: what differs is how many they are. */
const RATE = 1000;
const LOOK_S = 5;

export const services: Part = { name: 'services', title: 'The agent by number of services', measure };

async function measure(place: Place): Promise<Measured> {
  const seconds = place.quick ? 10 : 60;
  const taken = new Map<number, { mib: number[]; cpu: number }[]>(counts.map((count) => [count, []]));
  for (let round = 0; round < place.rounds; round++) {
    for (const count of inTurn(counts, round)) {
      const { looks, cpu } = await talk(place, {
        services: count,
        rate: RATE / count,
        seconds,
        lookSeconds: LOOK_S,
      });
      // The first looks are at an agent that has just begun.
      const settled = looks.slice(Math.floor(looks.length / 2)).map(([, mib]) => mib);
      taken.get(count)!.push({ mib: settled, cpu: cpu * 100 });
    }
    console.log(`  services, round ${round + 1}/${place.rounds}`);
  }
  const mib = (count: number) => spread(taken.get(count)!.flatMap((t) => t.mib));
  const text =
    `${agentName()}; services that together send themselves ${figures(RATE)} requests a second over one connection each, both ` +
    `ends watched: two series a service. ${place.rounds} times ${seconds} s each; resident memory in the ` +
    `second half, /metrics scraped each ${LOOK_S} s. Every request was counted.\n\n` +
    table(
      ['services', 'agent MiB', 'range', 'agent CPU, % of a core'],
      counts.map((count) => {
        const { median, least, most } = mib(count);
        const cpu = spread(taken.get(count)!.map((t) => t.cpu)).median;
        return [
          figures(count),
          `**${figures(median)}**`,
          `${figures(least)} to ${figures(most)}`,
          figures(cpu),
        ];
      }),
    );
  const values = Object.fromEntries(
    counts.map((count) => [`${figures(count)} ${count === 1 ? 'service' : 'services'}`, mib(count)]),
  );
  return {
    text,
    plots: { memory: bars('Resident memory of the agent', 'MiB', values) },
    figures: Object.fromEntries(taken),
  };
}

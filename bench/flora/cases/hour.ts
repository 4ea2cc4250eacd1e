/** The agent's memory over an hour, with a hundred services that talk: whether it grows. */
import { figures, spread } from '../../lib/statistics.ts';
import { agentName } from '../lib/agent.ts';
import type { Measured, Part } from '../lib/case.ts';
import { lines } from '../lib/line-picture.ts';
import type { Place } from '../lib/place.ts';
import { table } from '../lib/tables.ts';
import { talk } from '../lib/talk.ts';

const SERVICES = 100;
/** Of each service, a second. */
const RATE = 2;
const LOOK_S = 15;

export const hour: Part = {
  name: 'hour',
  title: 'A hundred services for an hour',
  onlyByName: true,
  measure,
};

async function measure(place: Place): Promise<Measured> {
  const seconds = place.quick ? 60 : 3600;
  const { looks, requests } = await talk(place, {
    services: SERVICES,
    rate: RATE,
    seconds,
    lookSeconds: LOOK_S,
  });
  const third = (n: number) =>
    spread(looks.slice((n * looks.length) / 3, ((n + 1) * looks.length) / 3).map(([, mib]) => mib));
  const row = (name: string, n: number) => {
    const { least, median, most } = third(n);
    return [name, `**${figures(median)}**`, `${figures(least)} to ${figures(most)}`];
  };
  const text =
    `${agentName()}, ${SERVICES} services that each send themselves ${RATE} requests a second, both ends watched, for ` +
    `${figures(seconds / 60)} minutes; /metrics scraped each ${LOOK_S} s. ${figures(requests)} requests sent and ` +
    'counted.\n\n' +
    table(
      ['resident memory, MiB', 'median', 'range'],
      [row('first third', 0), row('second', 1), row('last', 2)],
    );
  const points = looks.map(([s, mib]) => [s, mib * 2 ** 20] as const);
  return {
    text,
    plots: { memory: lines('Resident memory of the agent', 'bytes', [{ legend: 'skep', points }]) },
    figures: looks,
  };
}

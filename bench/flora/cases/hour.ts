/** The agent's memory over an hour, with a hundred services that talk: whether it grows. */
import { setTimeout as pause } from 'node:timers/promises';
import { Exchange } from '../../../test/support/exchange.ts';
import { TestGroup } from '../../../test/support/group.ts';
import { figures, spread } from '../../lib/statistics.ts';
import { agentCommand, agentName, counted, countedExactly } from '../lib/agent.ts';
import type { Measured, Part } from '../lib/case.ts';
import { lines } from '../lib/line-picture.ts';
import { AGENT, type Place } from '../lib/place.ts';
import { get, launch } from '../lib/process.ts';
import { table } from '../lib/tables.ts';

const SERVICES = 100;
/** Of each service, a second. */
const RATE = 2;
/** Between two looks, in which the metrics are scraped as Prometheus would. */
const LOOK_S = 15;

export const hour: Part = {
  name: 'hour',
  title: 'A hundred services for an hour',
  onlyByName: true,
  measure,
};

async function measure(place: Place): Promise<Measured> {
  const seconds = place.quick ? 60 : 3600;
  using group = new TestGroup();
  await using exchange = await Exchange.open({
    name: 'hour',
    services: SERVICES,
    rounds: seconds * RATE,
    rate: RATE,
    cgroup: group.dir,
  });
  await using agent = await launch({
    name: 'skep',
    command: agentCommand({ flags: ['--cgroup', group.dir] }),
    logs: place.dir,
    ready: () => get(`http://${AGENT}/healthz`),
  });
  const began = performance.now();
  const looks: [seconds: number, mib: number][] = [];
  let ended = false;
  const all = exchange.run().finally(() => {
    ended = true;
  });
  while (!ended) {
    await Promise.race([all, pause(LOOK_S * 1000)]);
    await counted();
    looks.push([(performance.now() - began) / 1000, agent.rss()]);
  }
  const { answered } = await all;
  if (answered !== exchange.count) throw new Error(`${exchange.count} sent, ${answered} answered`);
  await countedExactly(0, exchange.count);
  const third = (n: number) =>
    spread(looks.slice((n * looks.length) / 3, ((n + 1) * looks.length) / 3).map(([, mib]) => mib));
  const row = (name: string, n: number) => {
    const { least, median, most } = third(n);
    return [name, `**${figures(median)}**`, `${figures(least)} to ${figures(most)}`];
  };
  const text =
    `${agentName()}, ${SERVICES} services that each send themselves ${RATE} requests a second, both ends watched, for ` +
    `${figures(seconds / 60)} minutes; /metrics scraped each ${LOOK_S} s. ${figures(exchange.count)} requests sent and ` +
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

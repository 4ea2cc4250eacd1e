/** Services that send themselves requests, with an agent beside them whose memory is looked at. */
import { setTimeout as pause } from 'node:timers/promises';
import { Exchange } from '../../../test/support/exchange.ts';
import { TestGroup } from '../../../test/support/group.ts';
import { agentCommand, counted, countedExactly } from './agent.ts';
import { AGENT, type Place } from './place.ts';
import { get, launch } from './process.ts';

export interface Talk {
  readonly services: number;
  /** Requests of each, a second; both ends are watched. */
  readonly rate: number;
  readonly seconds: number;
  /** Between two looks, in which the metrics are scraped as Prometheus would. */
  readonly lookSeconds: number;
}

export interface Talked {
  /** Resident memory of the agent at each look, MiB. */
  readonly looks: readonly (readonly [seconds: number, mib: number])[];
  /** CPU of the agent, as a share of one core. */
  readonly cpu: number;
  readonly requests: number;
}

/** @throws Error when a request was not answered, or not counted exactly once at its server */
export async function talk(place: Place, { services, rate, seconds, lookSeconds }: Talk): Promise<Talked> {
  using group = new TestGroup();
  await using exchange = await Exchange.open({
    name: 'talk',
    services,
    rounds: seconds * rate,
    rate,
    cgroup: group.dir,
  });
  await using agent = await launch({
    name: 'skep',
    command: agentCommand({ flags: ['--cgroup', group.dir] }),
    logs: place.dir,
    ready: () => get(`http://${AGENT}/healthz`),
  });
  const began = performance.now();
  const before = agent.group.cpuSeconds();
  const looks: [seconds: number, mib: number][] = [];
  let ended = false;
  const all = exchange.run().finally(() => {
    ended = true;
  });
  while (!ended) {
    await Promise.race([all, pause(lookSeconds * 1000)]);
    await counted();
    looks.push([(performance.now() - began) / 1000, agent.rss()]);
  }
  const cpu = (agent.group.cpuSeconds() - before) / ((performance.now() - began) / 1000);
  const { answered } = await all;
  if (answered !== exchange.count) throw new Error(`${exchange.count} sent, ${answered} answered`);
  await countedExactly(0, exchange.count);
  return { looks, cpu, requests: exchange.count };
}

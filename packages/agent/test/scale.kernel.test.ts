/** Many services, many connections, many names: all is counted, or counted as lost, whatever is at its bound. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Exchange, type ExchangeOptions } from '../../../test/support/exchange.ts';
import { TestGroup } from '../../../test/support/group.ts';
import { until } from '../../../test/support/until.ts';
import type { Agent } from '../src/index.ts';
import { agentFor, skip } from './support/agent.ts';

// On the machine itself: of an emulated processor a million requests take an hour.
const long = process.env.SKEP_LONG === '1' && process.env.SKEP_GUEST === undefined;

/** Runs an exchange in a cgroup that alone is watched, while an agent counts. */
async function watched(
  options: ExchangeOptions,
  look: (agent: Agent, exchange: Exchange) => Promise<void>,
): Promise<void> {
  using group = new TestGroup();
  await using exchange = await Exchange.open({ ...options, cgroup: group.dir });
  const agent = await agentFor([], { watch: { cgroup: [group.dir] } });
  try {
    const { answered } = await exchange.run();
    strictEqual(answered, exchange.count);
    await look(agent, exchange);
  } finally {
    await agent.stop();
  }
}

/** All that was counted, once there is nothing more to come: each request at both of its ends. */
async function counted(agent: Agent, count: number): Promise<number> {
  return until(
    async () => {
      await agent.refresh();
      return agent.status().requests;
    },
    (requests) => requests >= 2 * count,
  );
}

/** What was not counted, or found no place of its own. */
function losses(agent: Agent): unknown {
  const { notCounted, notToldApart, lost } = agent.status();
  const some = (counts: Readonly<Record<string, number>>) => Object.entries(counts).filter(([, n]) => n > 0);
  return [some(notCounted), some(notToldApart), lost];
}

const services = long ? 1000 : 100;
test(`${services} services are told apart, and each request of each is counted`, { skip }, () =>
  watched({ name: 'one-of-many', services, connections: 2, rounds: 10 }, async (agent, exchange) => {
    strictEqual(await counted(agent, exchange.count), 2 * exchange.count);
    const all = agent.services();
    strictEqual(all.length, services);
    strictEqual(new Set(all.map((s) => s.name)).size, services);
    for (const { name, server, client, calledBy } of all)
      deepStrictEqual([name, server.requests, client.requests, calledBy], [name, 20, 20, [name]]);
    deepStrictEqual(losses(agent), [[], [], []]);
  }),
);

// A process may have 20,000 descriptors or so without leave.
const crowds = long ? 10 : 1;
const connections = long ? 5_000 : 2_000;
test(`${crowds * connections} connections that are older than the agent are counted`, { skip }, () =>
  watched({ name: 'crowded', services: crowds, connections, rounds: 2 }, async (agent, exchange) => {
    strictEqual(await counted(agent, exchange.count), 2 * exchange.count);
    deepStrictEqual(losses(agent), [[], [], []]);
  }),
);

const names = long ? 1_000_000 : 20_000;
test(`${names} names make no more series than there is room for, and no request is lost`, { skip }, () =>
  watched({ name: 'attacked', rounds: names, path: '/shop/%w/item/%d' }, async (agent, exchange) => {
    strictEqual(await counted(agent, exchange.count), 2 * exchange.count);
    const { fill } = agent.status();
    ok(fill.series!.used < 1_000, `${fill.series!.used} series`);
    ok(fill.kernel_series!.used <= fill.kernel_series!.capacity);
    const { notCounted } = agent.status();
    deepStrictEqual(
      Object.entries(notCounted).filter(([, n]) => n > 0),
      [],
    );
  }),
);

// An agent that is stopped, starved and killed under load: who is watched does not notice, and no request is counted
// twice or lost without being counted as lost.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Group, makeGroup } from '../../../test/support/cgroup.ts';
import { Exchange } from '../../../test/support/exchange.ts';
import { TestGroup } from '../../../test/support/group.ts';
import { until } from '../../../test/support/until.ts';
import { AgentChild } from './agent-child.ts';
import { Sandbox } from './harness.ts';

const box = new Sandbox();
after(() => box[Symbol.dispose]());
const skip = process.getuid?.() === 0 ? false : 'loading BPF needs root';

suite('an agent in trouble', { skip, timeout: 120_000 }, () => {
  let group: TestGroup;
  let starved: Group;
  let agent: AgentChild;
  const start = () => AgentChild.start(box, '--no-socket', '--cgroup', group.dir);
  before(async () => {
    group = new TestGroup();
    starved = makeGroup('agent-test');
    agent = await start();
  });
  after(async () => {
    await agent?.end('SIGKILL');
    starved?.[Symbol.dispose]();
    group?.[Symbol.dispose]();
  });

  /** Counted and counted as not counted, at both ends, since `before`. */
  const accounted = async (): Promise<number> =>
    (await agent.count()) + (await agent.sum('skep_agent_requests_not_counted_total'));

  test('that was stopped for two seconds has missed nothing', async () => {
    const before = await accounted();
    await using exchange = await Exchange.open({
      ...{ name: 'stopped', rounds: 1250, rate: 500, path: '/shop/%w/of/%d', cgroup: group.dir },
    });
    const running = exchange.run();
    await until(
      () => agent.count(),
      (n) => n > before,
    );
    agent.child.kill('SIGSTOP');
    await pause(2000);
    agent.child.kill('SIGCONT');
    assert.equal((await running).answered, exchange.count);
    await until(accounted, (n) => n >= before + 2 * exchange.count);
    assert.equal(await accounted(), before + 2 * exchange.count);
    assert.equal(await agent.sum('skep_agent_requests_not_counted_total'), 0);
  });

  test('that has a twentieth of a processor counts all the same', async () => {
    const before = await accounted();
    await using exchange = await Exchange.open({
      ...{ name: 'starved', connections: 4, rounds: 2500, path: '/shop/%w/of/%d', cgroup: group.dir },
    });
    starved.add(agent.pid);
    starved.limit(0.05);
    assert.equal((await exchange.run()).answered, exchange.count);
    starved.limit(undefined);
    await until(accounted, (n) => n >= before + 2 * exchange.count);
    assert.equal(await accounted(), before + 2 * exchange.count);
  });

  test('that is killed under load is followed by one that counts no request twice', async () => {
    await using loaded = await Exchange.open({ name: 'loaded', rounds: 1500, rate: 500, cgroup: group.dir });
    const running = loaded.run();
    await until(
      () => agent.sum('http_server_request_duration_seconds_count', '"loaded-0"'),
      (n) => n > 0,
    );
    await agent.end('SIGKILL');
    agent = await start();
    await using known = await Exchange.open({ name: 'known', rounds: 500, cgroup: group.dir });
    assert.equal((await known.run()).answered, known.count);
    assert.equal((await running).answered, loaded.count);
    const of = (name: string) => agent.sum('http_server_request_duration_seconds_count', `"${name}-0"`);
    await until(
      () => of('known'),
      (n) => n >= known.count,
    );
    assert.equal(await of('known'), known.count);
    assert.ok((await of('loaded')) < loaded.count);
  });
});

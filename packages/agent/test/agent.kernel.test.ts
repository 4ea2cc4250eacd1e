/** The agent on real servers and clients: what was sent is what it counts, whatever becomes of names and routes. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { until } from '../../../test/support/until.ts';
import type { Agent } from '../src/index.ts';
import { agentFor, type Sample, scrape, skip, sum } from './support/agent.ts';
import { get, send, short, TestServer } from './support/processes.ts';

const SERVER = 'http_server_request_duration_seconds_count';
/** An emulated processor is a hundred times slower. */
const MANY = process.env.SKEP_GUEST ? 200 : 5000;
const PATHS = process.env.SKEP_GUEST ? 1000 : 20_000;

const CLIENT = 'http_client_request_duration_seconds_count';

suite('an agent', { skip, timeout: 900_000 }, () => {
  let shop: TestServer;
  let agent: Agent;
  /** What the agent said of itself, such as why a check of itself failed. */
  const notes: string[] = [];
  const samples = async (): Promise<Sample[]> => (await scrape(agent)).samples;
  before(async () => {
    shop = await TestServer.start('shop');
    agent = await agentFor([shop.port], { prom: { port: 0 }, onNote: (text) => notes.push(text) });
  });
  after(async () => {
    shop?.[Symbol.dispose]();
    await agent?.stop();
  });

  test('checks itself', async () => {
    const { state, reason } = await agent.checkSelf();
    strictEqual(state, 'passed', reason);
  });

  test('counts each of many numbered requests once, at both ends, by route', async () => {
    const answered = await send('buyer', shop.port, MANY, { connections: 8 });
    strictEqual(answered, MANY);
    strictEqual(await shop.count(), MANY);
    const labels = { http_request_method: 'GET', http_response_status_code: '200' };
    const found = await until(
      samples,
      (all) =>
        sum(all, CLIENT, { service_name: 'buyer' }) >= MANY &&
        sum(all, SERVER, { service_name: 'shop' }) >= MANY,
    );
    strictEqual(sum(found, SERVER, { service_name: 'shop', http_route: '/items/{id}', ...labels }), MANY);
    strictEqual(sum(found, SERVER, { service_name: 'shop' }), MANY);
    strictEqual(sum(found, CLIENT, { service_name: 'buyer', url_template: '/items/{id}', ...labels }), MANY);
    strictEqual(sum(found, CLIENT, { service_name: 'buyer' }), MANY);
    strictEqual(sum(found, SERVER, { service_name: 'shop', peer_service: 'buyer' }), MANY);
    strictEqual(sum(found, CLIENT, { service_name: 'buyer', peer_service: 'shop' }), MANY);
    const le = sum(found, 'http_server_request_duration_seconds_bucket', {
      service_name: 'shop',
      le: '+Inf',
    });
    strictEqual(le, MANY);
  });

  test('counts bodies to the byte', async () => {
    const body = 'x'.repeat(1234);
    await send('buyer', shop.port, 10, { method: 'POST', path: '/orders', body });
    const labels = { service_name: 'shop', http_request_method: 'POST', http_route: '/orders' };
    const found = await until(samples, (all) => sum(all, SERVER, labels) >= 10);
    strictEqual(sum(found, 'http_server_request_body_size_bytes_sum', labels), 12_340);
    strictEqual(sum(found, 'http_server_response_body_size_bytes_sum', labels), 10 * 'POST /orders'.length);
  });

  test('names clients that live for milliseconds', async () => {
    for (let i = 0; i < 30; i++) await get(shop.port, '/short');
    const found = await until(
      samples,
      (all) =>
        sum(all, CLIENT, { url_template: '/short' }) + sum(all, SERVER, { http_route: '/short' }) >= 60,
    );
    const by = (name: string, route: string, who: string) =>
      found
        .filter((s) => s.name === name && s.labels[route] === '/short')
        .map(({ labels, value }) => `${labels[who]} ${value}`);
    deepStrictEqual(by(CLIENT, 'url_template', 'service_name'), ['get 30']);
    deepStrictEqual(by(SERVER, 'http_route', 'peer_service'), ['get 30']);
  });

  test('counts errors by what they are', async () => {
    await send('buyer', shop.port, 7, { path: '/status/503' });
    await get(shop.port, '/drop').catch(() => '');
    const found = await until(samples, (all) => sum(all, SERVER, { error_type: 'closed' }) >= 1);
    strictEqual(sum(found, SERVER, { http_response_status_code: '503', error_type: '503' }), 7);
    strictEqual(sum(found, SERVER, { http_route: '/drop', http_response_status_code: '' }), 1);
  });

  test('makes a few routes of many thousand paths, and loses no request of them', async () => {
    strictEqual(await send('attacker', shop.port, PATHS, { path: '/p/%w/end', connections: 8 }), PATHS);
    const found = await until(
      samples,
      (all) =>
        sum(all, SERVER, { peer_service: 'attacker' }) >= PATHS &&
        sum(all, CLIENT, { service_name: 'attacker' }) >= PATHS,
    );
    strictEqual(sum(found, SERVER, { peer_service: 'attacker' }), PATHS);
    strictEqual(sum(found, CLIENT, { service_name: 'attacker' }), PATHS);
    const routes = new Set(found.filter((s) => s.name === SERVER).map((s) => s.labels.http_route));
    ok(routes.size < 300, `${routes.size} routes`);
    ok(routes.has('/p/{id}/end'));
    const { notToldApart } = agent.status();
    strictEqual(notToldApart.kernel_series_full, 0);
  });

  test('gives back the room of what has ended', async () => {
    await until(
      async () => {
        await agent.refresh();
        return agent.status().fill.kernel_series!.used;
      },
      (used) => used < 150,
    );
  });

  test('misses none of a hundred short processes a second, and names each', async (t) => {
    const count = process.env.SKEP_GUEST ? 20 : 100;
    const before = await shop.count();
    const took = await short(shop.port, { count, rate: 100, name: 'job', path: '/brief' });
    t.diagnostic(`${count} processes in ${took.toFixed(2)} s`);
    strictEqual(await shop.count(), before + count);
    // Who was seen to ask how often, and by what route.
    const told = (all: readonly Sample[], name: string, route: string, who: string) =>
      all
        .filter((s) => s.name === name && /^(\/brief|\*$)/.test(s.labels[route] ?? ''))
        .filter((s) => /^\/brief/.test(s.labels[route]!) || /^job-/.test(s.labels[who] ?? ''))
        .map((s) => `${s.labels[who]} ${s.labels[route]} ${s.value}`)
        .sort();
    const once = Array.from({ length: count }, (_, i) => `job-${i + 1} /brief/{id} 1`).sort();
    const [clients, servers] = await until(
      async () => {
        const all = await samples();
        return [
          told(all, CLIENT, 'url_template', 'service_name'),
          told(all, SERVER, 'http_route', 'peer_service'),
        ] as const;
      },
      ([c, s]) => c.length >= count && s.length >= count,
    );
    deepStrictEqual(clients, once);
    deepStrictEqual(servers, once);
  });

  test('a server that is killed and started again goes on as the same service', async () => {
    const { port } = shop;
    // A route of its own: after five minutes, which a slow guest has long taken, a series that does nothing goes.
    const route = { service_name: 'shop', http_route: '/again' };
    await send('buyer', port, 40, { path: '/again' });
    await until(samples, (all) => sum(all, SERVER, route) >= 40);
    await shop.kill();
    shop = await TestServer.start('shop', port);
    await send('buyer', port, 100, { path: '/again' });
    const found = await until(samples, (all) => sum(all, SERVER, route) >= 140);
    strictEqual(sum(found, SERVER, route), 140);
  });

  test('says that nothing was lost', async () => {
    const { notCounted, lost, selfCheck } = agent.status();
    deepStrictEqual([notCounted, lost], [Object.fromEntries(Object.keys(notCounted).map((r) => [r, 0])), []]);
    strictEqual(selfCheck.failed, 0, notes.join('\n'));
  });
});

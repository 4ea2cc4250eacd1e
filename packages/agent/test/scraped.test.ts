// What scrapes the agent in the field: promtool reads its text, Debian's Prometheus and VictoriaMetrics scrape it and answer.
import { deepStrictEqual, match, strictEqual } from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { freePort } from '../../../test/support/free-port.ts';
import { until } from '../../../test/support/until.ts';
import type { Agent } from '../src/index.ts';
import { agentFor, skip as noRoot } from './support/agent.ts';
import { send, TestServer } from './support/processes.ts';

const programs = ['promtool', 'prometheus', 'victoria-metrics'];
const missing = programs.find((name) => spawnSync(name, ['--version']).error);
const skip = noRoot || (missing !== undefined && `needs ${missing}`);

const REQUESTS = 120;

/** A program that keeps series, with its data in `dir`. */
type Store = (dir: string, port: number, config: string) => readonly string[];
const prometheus: Store = (dir, port, config) => [
  'prometheus',
  ...[`--config.file=${config}`, `--storage.tsdb.path=${dir}`, `--web.listen-address=127.0.0.1:${port}`],
];
/** By default it answers as of 30 seconds ago, and of what it has written to its files: it's asked to do so each time. */
const victoria: Store = (dir, port, config) => [
  'victoria-metrics',
  ...[`-promscrape.config=${config}`, `-storageDataPath=${dir}`, `-httpListenAddr=127.0.0.1:${port}`],
  ...['-search.latencyOffset=1s', '-search.disableCache'],
];

suite('the metrics of an agent', { skip, timeout: 60_000 }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-scraped-'));
  const children: ChildProcess[] = [];
  let shop: TestServer;
  let agent: Agent;

  before(async () => {
    shop = await TestServer.start('shop');
    agent = await agentFor([shop.port], { prom: { port: 0 } });
    strictEqual(await send('buyer', shop.port, REQUESTS), REQUESTS);
    await send('buyer', shop.port, 7, { path: '/status/503' });
  });
  after(async () => {
    for (const child of children) {
      const ended = once(child, 'exit');
      if (child.kill('SIGKILL')) await ended;
    }
    await agent?.stop();
    shop?.[Symbol.dispose]();
    rmSync(dir, { recursive: true });
  });

  const scrape = async (accept: string): Promise<string> =>
    (await fetch(agent.status().listens.metrics!, { headers: { accept } })).text();

  test('are to promtool as they should be', async () => {
    await until(
      () => scrape('text/plain'),
      (text) => /^http_server_request_duration_seconds_count\{.*503/m.test(text),
    );
    const input = await scrape('text/plain');
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input,
      encoding: 'utf8',
    });
    deepStrictEqual([status, stdout + stderr], [0, '']);
  });

  test('can be asked for without their text, and left halfway', async () => {
    const { metrics } = agent.status().listens;
    const asked = await fetch(metrics!, {
      method: 'HEAD',
      headers: { accept: 'application/openmetrics-text' },
    });
    deepStrictEqual([asked.status, await asked.text()], [200, '']);
    match(asked.headers.get('content-type')!, /^application\/openmetrics-text; version=1\.0\.0/);
    strictEqual(await (await fetch(new URL('/healthz', metrics))).text(), 'ok\n');
    const { promise: left, resolve } = Promise.withResolvers<void>();
    const { hostname, port } = new URL(metrics!);
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      socket.end('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
      socket.once('data', () => socket.resetAndDestroy()).once('close', () => resolve());
    });
    await left;
    match(await scrape('application/openmetrics-text'), /# EOF\n$/);
  });

  for (const [name, store] of Object.entries({ prometheus, victoria })) {
    test(`are what ${name} has of them`, async () => {
      const port = await freePort();
      const config = join(dir, `${name}.yml`);
      const target = new URL(agent.status().listens.metrics!).host;
      writeFileSync(
        config,
        `global: {scrape_interval: 250ms}\nscrape_configs: [{job_name: skep, static_configs: [{targets: ['${target}']}]}]\n`,
      );
      const [program, ...flags] = store(join(dir, name), port, config);
      children.push(spawn(program!, flags, { stdio: 'ignore' }));
      const query = async (text: string): Promise<Record<string, number>> => {
        const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(text)}`;
        if (store === victoria)
          await fetch(`http://127.0.0.1:${port}/internal/force_flush`).catch(() => undefined);
        // Not listening yet.
        const answer = await fetch(url).catch(() => undefined);
        if (!answer?.ok) return {};
        const { data } = (await answer.json()) as {
          data: { result: { metric: Record<string, string>; value: [number, string] }[] };
        };
        return Object.fromEntries(
          data.result.map(({ metric, value }) => [Object.values(metric).join(' '), Number(value[1])]),
        );
      };
      const answers = (text: string, wanted: Record<string, number>) =>
        until(
          () => query(text),
          (got) => JSON.stringify(got) === JSON.stringify(wanted),
        );
      const count = (side: string) => `http_${side}_request_duration_seconds_count`;
      await answers(`sum by (http_route) (${count('server')}{http_response_status_code="200"})`, {
        '/items/{id}': REQUESTS,
      });
      await answers(`sum by (error_type) (${count('server')}{error_type!=""})`, { 503: 7 });
      await answers(`sum by (peer_service) (${count('client')})`, { shop: REQUESTS + 7 });
      await answers('sum(http_server_request_duration_seconds_bucket{le="+Inf"})', { '': REQUESTS + 7 });
      await answers('skep_agent_self_check', { [`skep_agent_self_check ${target} skep`]: 1 });
    });
  }
});

/** What happens at each bound: requests stay counted, and what could not be told apart is said. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { suite, test } from 'node:test';
import { until } from '../../../test/support/until.ts';
import { agentFor, scrape, skip, sum } from './support/agent.ts';
import { send, TestServer } from './support/processes.ts';

const SERVER = 'http_server_request_duration_seconds_count';
const CLIENT = 'http_client_request_duration_seconds_count';

suite('bounds', { skip, timeout: 900_000 }, () => {
  test('label sets beyond the cap count as their service, in one', async () => {
    using server = await TestServer.start('many');
    const agent = await agentFor([server.port], { prom: { port: 0 }, limits: { series: 10 } });
    try {
      await send('buyer', server.port, 60, { path: '/%w', connections: 2 });
      const { samples } = await until(
        () => scrape(agent),
        (s) => sum(s.samples, SERVER) >= 60 && sum(s.samples, CLIENT) >= 60,
      );
      const of = (labels: Record<string, string>) =>
        sum(samples, SERVER, { service_name: 'many', ...labels });
      strictEqual(of({}), 60);
      ok(of({ otel_metric_overflow: 'true' }) >= 50);
      strictEqual(sum(samples, CLIENT, { service_name: 'buyer' }), 60);
      ok(agent.status().notToldApart.series_cap! > 0);
      // Both sides of both services may have one more each.
      ok(agent.status().fill.series!.used <= 14);
    } finally {
      await agent.stop();
    }
  });

  test('services beyond the cap are one', async () => {
    using servers = new DisposableStack();
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((name) => TestServer.start(name)));
    for (const server of all) servers.use(server);
    const ports = all.map((server) => server.port);
    const agent = await agentFor(ports, { prom: { port: 0 }, limits: { services: 2 } });
    try {
      for (const port of ports) await send('buyer', port, 5, { connections: 1 });
      const { samples } = await until(
        () => scrape(agent),
        (s) => sum(s.samples, CLIENT) >= 20 && sum(s.samples, SERVER) >= 20,
      );
      strictEqual(sum(samples, CLIENT), 20);
      strictEqual(sum(samples, SERVER), 20);
      const names = new Set(samples.filter((s) => s.name === SERVER).map((s) => s.labels.service_name));
      ok(names.has('_OTHER'), [...names].join());
      ok(names.size <= 3);
      ok(agent.status().notToldApart.services_cap! > 0);
    } finally {
      await agent.stop();
    }
  });

  test('a receiver that is not there costs spans, counted, and no request', async () => {
    using server = await TestServer.start('far');
    const env = { OTEL_METRIC_EXPORT_INTERVAL: '100', OTEL_BSP_SCHEDULE_DELAY: '100' };
    const agent = await agentFor([server.port], { otlp: { url: 'http://127.0.0.1:9', env } });
    await send('buyer', server.port, 300);
    await until(
      async () => {
        await agent.refresh();
        return agent.status().requests;
      },
      (n) => n >= 600,
    );
    await agent.stop();
    const { requests, exports, spans, notes } = agent.status();
    strictEqual(requests, 600);
    const traces = exports.find((e) => e.signal === 'traces')!;
    const lost = Object.values(traces.lost).reduce((a, b) => a + b, 0);
    deepStrictEqual([traces.delivered, lost, traces.waiting], [0, spans.taken, 0]);
    ok(
      notes.some((note) => note.includes('127.0.0.1:9')),
      notes.join(),
    );
  });

  test('spans of no kind are taken when none is asked for', async () => {
    using server = await TestServer.start('still');
    const agent = await agentFor([server.port], { sampling: { errorMs: 0, slowMs: 0, anyMs: 0 } });
    try {
      await send('buyer', server.port, 50, { path: '/status/500' });
      await until(
        async () => {
          await agent.refresh();
          return agent.status().requests;
        },
        (n) => n >= 100,
      );
      strictEqual(agent.status().spans.taken, 0);
      // It checks what it can without.
      strictEqual((await agent.checkSelf()).state, 'passed');
    } finally {
      await agent.stop();
    }
  });
});

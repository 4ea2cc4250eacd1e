/** What TypeScript and C must agree on: fingerprints of paths, learned places, entries that are taken out. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { startRun } from '@skep/runtime';
import { fixture } from '../../../test/support/fixtures.ts';
import { until } from '../../../test/support/until.ts';
import { KernelCounts } from '../src/kernel/counts.ts';
import { keyReader } from '../src/kernel/key.ts';
import { KernelTables } from '../src/kernel/tables.ts';
import { pathText } from '../src/routes/routes.ts';
import { hashSegment, isParameter, seedOf, segmentsOf } from '../src/routes/segment.ts';
import { skip } from './support/agent.ts';
import { get, send, TestServer } from './support/processes.ts';

interface Told {
  fingerprint: bigint;
  service: number;
  text: string;
}

/** http-red on one port, with nothing between the test and its maps. */
async function probe(port: number) {
  const bytes = await fixture(new URL('../../../probes/http-red/http-red.c', import.meta.url));
  const told: Told[] = [];
  const run = await startRun({
    name: 'http-red',
    objects: [{ name: 'http-red.o', bytes }],
    params: { target_port: String(port) },
    rawMaps: ['hist_http_requests'],
    sinks: [
      {
        name: 'test',
        record(stream, { u8, dv }, at) {
          if (stream.map !== 'print_http_paths') return;
          const { value } = run.map('print_http_paths');
          const of = (name: string) => at + value.get(name)!.offset;
          const length = dv.getUint32(of('length'), true);
          const from = of('text');
          told.push({
            fingerprint: dv.getBigUint64(of('path'), true),
            service: dv.getUint32(of('service'), true),
            text: pathText(u8.subarray(from, from + 256), length),
          });
        },
      },
    ],
  });
  const tables = new KernelTables(run);
  return { run, told, tables, counts: new KernelCounts(tables.requests, keyReader(tables.requests), 0) };
}

const PATHS = [
  '/',
  '/users/42',
  '/users/4bf92f35-77b3-4da6-a3ce-929d0e0e4736/orders/17/',
  '/v1/objects/d41d8cd98f00b204e9800998ecf8427e',
  '/deadbeef/2026-11-25/page-2',
  '/a//b',
  '/%C3%A4/~x',
  '/token/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9',
  `/long/${'x'.repeat(100)}/end`,
];

test('the kernel hashes a path as segment.ts does', { skip }, async () => {
  using server = await TestServer.start('hashed');
  const { run, told } = await probe(server.port);
  try {
    for (const path of PATHS) await get(server.port, path);
    await until(
      () => told.length,
      (n) => n >= 2 * PATHS.length,
    );
    for (const { fingerprint, service, text } of told) {
      ok(PATHS.includes(text), text);
      const hash = segmentsOf(text)
        .map((s) => (isParameter(s) ? ('parameter' as const) : { text: s }))
        .reduce(hashSegment, seedOf(service));
      strictEqual(hash, fingerprint, text);
    }
  } finally {
    await run.stop();
  }
});

test('a learned place makes one fingerprint of many', { skip }, async () => {
  using server = await TestServer.start('learned');
  const { run, told, tables, counts } = await probe(server.port);
  try {
    tables.setService(server.pid, 7);
    const place = [{ text: '' }, { text: 'of' }].reduce<bigint>(hashSegment, seedOf(7));
    ok(tables.learn(place));
    await send('any', server.port, 200, { path: '/of/%w/x' });
    const mine = () => told.filter((t) => t.service === 7);
    await until(
      () => mine().length,
      (n) => n >= 1,
    );
    strictEqual(mine().length, 1);
    let counted = 0;
    await counts.collect(0, ({ key }, delta) => {
      if (key.service === 7) counted += delta.requests;
      return true;
    });
    strictEqual(counted, 200);
  } finally {
    await run.stop();
  }
});

test('an entry is handed over once, and what is taken out begins anew', { skip }, async () => {
  using server = await TestServer.start('taken');
  const { run, tables, counts } = await probe(server.port);
  try {
    tables.setService(server.pid, 7);
    let total = 0;
    const look = (now: number) =>
      counts.collect(now, ({ key }, delta) => {
        if (key.service === 7) total += delta.requests;
        return true;
      });
    await send('any', server.port, 30, { connections: 1 });
    await look(1);
    await look(2);
    strictEqual(total, 30);
    await send('any', server.port, 5, { connections: 1 });
    // Whoever cannot say yet whose it is, is told again.
    await counts.collect(3, () => false);
    for (const series of [...counts])
      counts.take(series, ({ key }, delta) => {
        if (key.service === 7) total += delta.requests;
        return true;
      });
    strictEqual(total, 35);
    strictEqual(counts.size, 0);
    await send('any', server.port, 3, { connections: 1 });
    await look(4);
    strictEqual(total, 38);
    deepStrictEqual(
      [...counts].filter((s) => s.key.service === 7).map((s) => s.key.port),
      [server.port],
    );
  } finally {
    await run.stop();
  }
});

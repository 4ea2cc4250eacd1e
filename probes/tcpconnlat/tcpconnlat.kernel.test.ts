import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { testCgroup } from '../support/cgroup.ts';
import { connectFrom, listen } from '../support/connections.ts';
import { skip } from '../support/skip.ts';
import { watch } from '../support/watch.ts';

test('tcpconnlat times each connection and tells the refused ones', { skip }, async () => {
  using cgroup = testCgroup();
  using server = await listen('127.0.0.1');
  using closed = await listen('127.0.0.1');
  closed[Symbol.dispose]();
  const seen = await watch('tcpconnlat', { target_cgroup: cgroup.path }, async () => {
    await connectFrom(cgroup, '127.0.0.1', server.port, 10);
    await connectFrom(cgroup, '127.0.0.1', closed.port, 4);
  });
  const rows = seen.records('print_tcp_connected');
  deepStrictEqual(
    rows.map((row) => row.refused),
    [...Array(10).fill(false), ...Array(4).fill(true)],
  );
  for (const { latency } of rows) ok((latency as number) > 0 && (latency as number) < 5e9, `${latency} ns`);
  const [histogram] = seen.series('hist_tcp_connect_latency');
  strictEqual(
    histogram.counts?.reduce((a, b) => a + b, 0),
    10,
    'the histogram has the established ones',
  );
});

test('tcpconnlat with min_latency prints only the slow ones', { skip }, async () => {
  using cgroup = testCgroup();
  using server = await listen('127.0.0.1');
  const seen = await watch('tcpconnlat', { target_cgroup: cgroup.path, min_latency: '1h' }, async () => {
    await connectFrom(cgroup, '127.0.0.1', server.port, 3);
  });
  deepStrictEqual(seen.records('print_tcp_connected'), []);
});

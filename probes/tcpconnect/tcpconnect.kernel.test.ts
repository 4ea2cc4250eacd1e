import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { testCgroup } from '../support/cgroup.ts';
import { connectFrom, listen } from '../support/connections.ts';
import { skip } from '../support/skip.ts';
import { watch } from '../support/watch.ts';

for (const host of ['127.0.0.1', '::1']) {
  test(`tcpconnect sees each connection to ${host}`, { skip }, async () => {
    using cgroup = testCgroup();
    using server = await listen(host);
    let accepted = 0;
    const seen = await watch('tcpconnect', { target_cgroup: cgroup.path }, async () => {
      accepted = await connectFrom(cgroup, host, server.port, 20);
    });
    strictEqual(accepted, 20);
    const rows = seen.records('print_connects');
    strictEqual(rows.length, 20);
    for (const row of rows) deepStrictEqual([row.daddr, row.dport], [host, server.port]);
    const [series, ...more] = seen.series('counter_tcp_connects');
    deepStrictEqual([series.labels.daddr, series.labels.dport, series.value], [host, server.port, 20]);
    strictEqual(more.length, 0);
  });
}

test('tcpconnect with target_port sees no other port, and counts a refused attempt too', {
  skip,
}, async () => {
  using cgroup = testCgroup();
  using server = await listen('127.0.0.1');
  using closed = await listen('127.0.0.1');
  closed[Symbol.dispose]();
  const params = { target_cgroup: cgroup.path, target_port: String(closed.port) };
  const seen = await watch('tcpconnect', params, async () => {
    await connectFrom(cgroup, '127.0.0.1', server.port, 2);
    strictEqual(await connectFrom(cgroup, '127.0.0.1', closed.port, 3), 0);
  });
  strictEqual(seen.records('print_connects').length, 3);
});

test('tcpconnect with two ports sees both and no third', { skip }, async () => {
  using cgroup = testCgroup();
  using one = await listen('127.0.0.1');
  using two = await listen('127.0.0.1');
  using three = await listen('127.0.0.1');
  const params = { target_cgroup: cgroup.path, target_port: `${one.port},${two.port}` };
  const seen = await watch('tcpconnect', params, async () => {
    await connectFrom(cgroup, '127.0.0.1', one.port, 1);
    await connectFrom(cgroup, '127.0.0.1', three.port, 4);
    await connectFrom(cgroup, '127.0.0.1', two.port, 2);
  });
  strictEqual(seen.records('print_connects').length, 3);
});

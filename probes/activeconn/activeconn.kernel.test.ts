import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { testCgroup } from '../support/cgroup.ts';
import { connectFrom, listen } from '../support/connections.ts';
import { skip } from '../support/skip.ts';
import { watch } from '../support/watch.ts';

test('activeconn counts the connections that are open, and none that has closed', { skip }, async () => {
  using cgroup = testCgroup();
  using server = await listen('127.0.0.1');
  const holder = `
    use Socket; $| = 1;
    for (1 .. 5) {
      socket(my $s, PF_INET, SOCK_STREAM, 0);
      connect($s, sockaddr_in(${server.port}, INADDR_LOOPBACK)) or die;
      push @open, $s;
    }
    print "open\\n"; sleep;
  `;
  const enter = `${cgroup.enter} && exec "$@"`;
  const params = { target_cgroup: cgroup.path, target_port: String(server.port) };
  const seen = await watch('activeconn', params, async () => {
    await connectFrom(cgroup, '127.0.0.1', server.port, 7);
    const client = spawn('sh', ['-c', enter, 'sh', 'perl', '-e', holder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(client.stdout, 'data');
  });
  deepStrictEqual(
    seen
      .series('gauge_tcp_active_connections')
      .map(({ labels, value }) => [labels.daddr, labels.dport, value]),
    [['127.0.0.1', server.port, 5]],
  );
  cgroup.remove();
  server.server.close();
});

test('activeconn goes back to 0 when all are closed', { skip }, async () => {
  using cgroup = testCgroup();
  using server = await listen('127.0.0.1');
  const params = { target_cgroup: cgroup.path, target_port: String(server.port) };
  const seen = await watch('activeconn', params, async () => {
    const accepted = once(server.server, 'connection');
    await connectFrom(cgroup, '127.0.0.1', server.port, 7);
    await accepted;
  });
  strictEqual(seen.series('gauge_tcp_active_connections')[0].value, 0);
});

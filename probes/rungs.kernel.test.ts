/** Every rung of every probe that this kernel carries sees the same of the same load; those it does not, it refuses. */
import { deepStrictEqual, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { MemoryCgroup } from '../scripts/lib/memory-cgroup.ts';
import { runIn, testCgroup } from './support/cgroup.ts';
import { connectFrom, listen } from './support/connections.ts';
import { judged } from './support/judged.ts';
import { skip } from './support/skip.ts';
import { type Watched, watchAll } from './support/watch.ts';

let dir: string;
let server: Awaited<ReturnType<typeof listen>>;
let shut: Awaited<ReturnType<typeof listen>>;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'skep-rungs-'));
  for (let i = 0; i < 20; i++) writeFileSync(join(dir, `file-${i}`), '');
  server = await listen('127.0.0.1');
  shut = await listen('127.0.0.1');
  shut[Symbol.dispose]();
});
after(() => {
  rmSync(dir, { recursive: true });
  server.server.close();
});

interface Load {
  memory?: number;
  act(cgroup: MemoryCgroup): Promise<void>;
  seen(watched: Watched): unknown;
}

const sum = (list: readonly { value: number }[]) => list.reduce((n, { value }) => n + value, 0);
const counts = (list: readonly { counts?: number[] }[]) =>
  list.flatMap((s) => s.counts ?? []).reduce((a, b) => a + b, 0);

/** What each probe is to see, and the part of its output that must not depend on the hook. */
const loads: Readonly<Record<string, Load>> = {
  activeconn: {
    act: async (cgroup) => void (await connectFrom(cgroup, '127.0.0.1', server.port, 5)),
    seen: (w) => w.series('gauge_tcp_active_connections').map((s) => [s.labels.daddr, s.labels.dport]),
  },
  capable: {
    act: async (cgroup) => void (await runIn(cgroup, 'chown', '1:1', ...files(12))),
    seen: (w) => [
      sum(w.series('counter_capability_checks').filter((s) => s.labels.capability === 'CAP_CHOWN')),
      w.records('print_capability_checks').filter((r) => r.capability === 'CAP_CHOWN' && r.allowed).length,
    ],
  },
  execsnoop: {
    async act(cgroup) {
      for (let i = 0; i < 3; i++) await runIn(cgroup, '/bin/true', `run ${i}`);
    },
    seen: (w) => w.records('print_execs').map((r) => [r.comm, r.args]),
  },
  exitsnoop: {
    async act(cgroup) {
      for (const end of ['exit 3', 'kill -TERM $$']) await runIn(cgroup, 'sh', '-c', end);
    },
    seen: (w) => w.records('print_exits').map((r) => [r.comm, r.exit_code, r.signal]),
  },
  fslatency: {
    act: async (cgroup) =>
      void (await runIn(cgroup, 'dd', 'if=/dev/zero', `of=${join(dir, 'written')}`, 'bs=4096', 'count=50')),
    seen: (w) => counts(w.series('hist_fs_latency').filter((s) => s.labels.operation === 'WRITE')),
  },
  oomkill: {
    memory: 32 * 1024 * 1024,
    act: async (cgroup) => void (await runIn(cgroup, 'tail', '/dev/zero')),
    seen: (w) => [w.records('print_oom_kills').map((r) => r.comm), sum(w.series('counter_oom_kills'))],
  },
  opensnoop: {
    act: async (cgroup) => void (await runIn(cgroup, 'cat', ...files(20), join(dir, 'missing'))),
    seen: (w) =>
      w
        .records('print_opens')
        .filter((r) => String(r.path).startsWith(dir))
        .map((r) => [r.path, r.fd, r.error, r.flags]),
  },
  tcpconnect: {
    act: async (cgroup) => void (await connectFrom(cgroup, '127.0.0.1', server.port, 8)),
    seen: (w) => w.records('print_connects').map((r) => [r.saddr, r.daddr, r.dport, r.comm]),
  },
  tcpconnlat: {
    async act(cgroup) {
      await connectFrom(cgroup, '127.0.0.1', server.port, 4);
      await connectFrom(cgroup, '127.0.0.1', shut.port, 2);
    },
    seen: (w) => [
      w.records('print_tcp_connected').map((r) => [r.daddr, r.dport, r.refused]),
      counts(w.series('hist_tcp_connect_latency')),
    ],
  },
};

function files(n: number): string[] {
  return Array.from({ length: n }, (_, i) => join(dir, `file-${i}`));
}

/** What each of some rungs sees of one load. */
async function run(probe: string, group: string, rungs: readonly string[]): Promise<unknown[]> {
  const load = loads[probe]!;
  using cgroup = testCgroup(load.memory);
  const params = { target_cgroup: cgroup.path };
  const ways = rungs.map((rung) => ({ params, hooks: { [group]: rung } }));
  return (await watchAll(probe, ways, () => load.act(cgroup))).map((seen) => load.seen(seen));
}

for (const probe of Object.keys(loads)) {
  test(`${probe}: each rung that this kernel carries sees the same, the others are refused`, {
    skip,
  }, async (t) => {
    for (const { group, carried, refused } of await judged(probe)) {
      ok(carried.length > 0, `${group.name} has a rung here`);
      const [first, ...others] = await run(probe, group.name, carried);
      ok(first !== 0 && /[1-9]/.test(JSON.stringify(first)), `${carried[0]} saw ${JSON.stringify(first)}`);
      others.forEach((saw, i) => void deepStrictEqual(saw, first, `${carried[i + 1]} as ${carried[0]}`));
      for (const rung of refused) await rejects(run(probe, group.name, [rung]), { code: /^SKEP_/ }, rung);
      t.diagnostic(
        `${probe} ${group.name}: ${carried.join(' = ')}; refused: ${refused.join(', ') || 'none'}`,
      );
    }
  });
}

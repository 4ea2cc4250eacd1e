import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { runIn, testCgroup } from '../support/cgroup.ts';
import { skip } from '../support/skip.ts';
import { watch } from '../support/watch.ts';

const LIMIT = 32 * 1024 * 1024;

test('oomkill sees each victim of its cgroup, as often as the kernel says', { skip }, async () => {
  using cgroup = testCgroup(LIMIT);
  const seen = await watch('oomkill', { target_cgroup: cgroup.path }, async () => {
    for (let i = 0; i < 3; i++) await runIn(cgroup, 'tail', '/dev/zero');
  });
  strictEqual(cgroup.oomKills(), 3, 'the kernel killed three');
  const rows = seen.records('print_oom_kills');
  deepStrictEqual(
    rows.map((row) => row.comm),
    ['tail', 'tail', 'tail'],
  );
  deepStrictEqual(seen.series('counter_oom_kills'), [
    { labels: { comm: 'tail' }, value: 3, counts: undefined },
  ]);
  for (const row of rows) {
    strictEqual(row.cgroup, Number(cgroup.id));
    const held = row.anon_rss as number;
    ok(held === 0 || (held > LIMIT / 2 && held <= LIMIT), `anonymous memory ${held} of ${LIMIT}`);
  }
});

test('oomkill says nothing of a kill in another cgroup, nor of a process that ends by itself', {
  skip,
}, async () => {
  using watched = testCgroup(LIMIT);
  using other = testCgroup(LIMIT);
  const seen = await watch('oomkill', { target_cgroup: watched.path }, async () => {
    await runIn(other, 'tail', '/dev/zero');
    await runIn(watched, 'true');
  });
  strictEqual(other.oomKills(), 1);
  deepStrictEqual(seen.records('print_oom_kills'), []);
  deepStrictEqual(seen.series('counter_oom_kills'), []);
});

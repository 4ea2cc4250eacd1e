import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { runIn, testCgroup } from '../support/cgroup.ts';
import { skip } from '../support/skip.ts';
import { watch } from '../support/watch.ts';

test('execsnoop sees programs with their arguments, and not the ones that do not start', {
  skip,
}, async () => {
  using cgroup = testCgroup();
  const long = 'x'.repeat(600);
  const seen = await watch('execsnoop', { target_cgroup: cgroup.path }, async () => {
    await runIn(cgroup, '/bin/true', 'one', 'two words');
    await runIn(cgroup, '/skep/not/there');
    await runIn(cgroup, '/bin/true', long);
    await runIn(cgroup, '/bin/true');
  });
  const started = seen.records('print_execs').filter((row) => (row.args as string).startsWith('/bin/true'));
  deepStrictEqual(
    started.map(({ args, cut }) => ({ args, cut })),
    [
      { args: '/bin/true one two words', cut: false },
      { args: `/bin/true ${long}`.slice(0, 511), cut: true },
      { args: '/bin/true', cut: false },
    ],
  );
  deepStrictEqual([...new Set(started.map((row) => row.ppid))], [process.pid]);
  strictEqual(seen.lost, 0);
});

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
  const script = `/bin/true one 'two words'; /skep/not/there; /bin/true ${long}; /bin/true`;
  const seen = await watch('execsnoop', { target_cgroup: cgroup.path }, async () => {
    await runIn(cgroup, 'sh', '-c', script);
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
  strictEqual(new Set(started.map((row) => row.ppid)).size, 1, 'one shell started them');
  strictEqual(seen.lost, 0);
});

import { deepStrictEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { runIn, testCgroup } from '../support/cgroup.ts';
import { skip } from '../support/skip.ts';
import { watch } from '../support/watch.ts';

test('exitsnoop tells exit codes, signals and ages', { skip }, async () => {
  using cgroup = testCgroup();
  const ends = ['exit 0', 'exit 3', 'kill -TERM $$', 'sleep 0.2'];
  const seen = await watch('exitsnoop', { target_cgroup: cgroup.path }, async () => {
    for (const end of ends) await runIn(cgroup, 'sh', '-c', end);
  });
  const shells = seen.records('print_exits').filter((row) => row.comm === 'sh' || row.comm === 'sleep');
  const summary = shells.map(({ comm, exit_code, signal }) => ({ comm, exit_code, signal }));
  deepStrictEqual(summary.slice(0, 3), [
    { comm: 'sh', exit_code: 0, signal: '0' },
    { comm: 'sh', exit_code: 3, signal: '0' },
    { comm: 'sh', exit_code: 0, signal: 'SIGTERM' },
  ]);
  const sleeper = shells.findLast((row) => row.comm === 'sleep') ?? shells.at(-1);
  ok((sleeper?.age as number) >= 200e6, `lived ${sleeper?.age} ns, at least 0.2 s`);
});

test('exitsnoop counts a process once, however many threads it had', { skip }, async () => {
  using cgroup = testCgroup();
  const seen = await watch('exitsnoop', { target_cgroup: cgroup.path, failed_only: 'true' }, async () => {
    await runIn(cgroup, process.execPath, '-e', 'process.exit(7)');
    await runIn(cgroup, 'true');
  });
  const rows = seen.records('print_exits');
  deepStrictEqual(
    rows.map((row) => row.exit_code),
    [7],
  );
});

import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { runIn, testCgroup } from '../support/cgroup.ts';
import { skip } from '../support/skip.ts';
import { watch } from '../support/watch.ts';

test('processes tells forks, execs and exits of a shell and its child, in order', { skip }, async () => {
  using cgroup = testCgroup();
  const seen = await watch('processes', { target_cgroup: cgroup.path }, async () => {
    await runIn(cgroup, 'sh', '-c', '/bin/true one two; :');
  });
  const rows = seen.records('print_processes');
  const exec = rows.find((row) => String(row.args).startsWith('/bin/true'))!;
  ok(exec, JSON.stringify(rows));
  deepStrictEqual(
    rows.filter((row) => row.pid === exec.pid).map((row) => row.change),
    ['PROCESS_FORK', 'PROCESS_EXEC', 'PROCESS_EXIT'],
  );
  deepStrictEqual([exec.exe, exec.args, exec.comm], ['/bin/true', '/bin/true one two', 'true']);
  const [fork, , exit] = rows.filter((row) => row.pid === exec.pid);
  strictEqual(fork!.ppid, exec.ppid);
  strictEqual(exit!.started, exec.started);
  const shell = rows.filter((row) => row.pid === exec.ppid);
  strictEqual(shell.at(-1)!.change, 'PROCESS_EXIT');
  strictEqual(seen.lost, 0);
});

test('processes leaves threads out', { skip }, async () => {
  using cgroup = testCgroup();
  const seen = await watch('processes', { target_cgroup: cgroup.path }, async () => {
    // Node has several.
    await runIn(cgroup, process.execPath, '-e', '0');
  });
  const rows = seen.records('print_processes').filter((row) => String(row.args).includes('-e 0'));
  const { pid } = rows[0]!;
  const own = seen.records('print_processes').filter((row) => row.pid === pid);
  deepStrictEqual(
    own.map((row) => row.change).filter((change) => change !== 'PROCESS_FORK'),
    ['PROCESS_EXEC', 'PROCESS_EXIT'],
  );
});

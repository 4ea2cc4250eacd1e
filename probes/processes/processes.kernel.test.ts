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

/** Runs true with such variables, among many others of any length. */
async function named(cgroup: ReturnType<typeof testCgroup>, ...variables: string[]) {
  const others = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `SECRET_${from + i}=${'s'.repeat((from + i) * 7)}`);
  await runIn(cgroup, 'env', '-i', ...others(0, 40), ...variables, ...others(40, 60), '/bin/true');
}

test('processes tells the variables that name a service, and no other', { skip }, async () => {
  using cgroup = testCgroup();
  const long = 'k=v,'.repeat(40);
  const seen = await watch('processes', { target_cgroup: cgroup.path }, async () => {
    await named(cgroup, 'OTEL_SERVICE_NAME=a b', `OTEL_RESOURCE_ATTRIBUTES=${long}`, 'DD_SERVICE=d');
    await named(cgroup, 'XOTEL_SERVICE_NAME=x');
    await named(cgroup, `DD_SERVICE=${'n'.repeat(100)}`, 'OTEL_SERVICE_NAME=', 'OTEL_SERVICE_NAMES=x');
    // A piece of 127 bytes ends where the next variable begins, and one byte before and behind.
    for (const n of [126, 127, 128]) await named(cgroup, `X=${'x'.repeat(n - 2)}`, `DD_SERVICE=${n}`);
  });
  const rows = seen.records('print_processes').filter((row) => row.exe === '/bin/true');
  deepStrictEqual(
    rows.map((row) => [row.otel_service_name, row.otel_resource_attributes, row.dd_service]),
    [
      ['a b', long, 'd'],
      ['', '', ''],
      ['', '', 'n'.repeat(63)],
      ['', '', '126'],
      ['', '', '127'],
      ['', '', '128'],
    ],
  );
  const told = seen.records('print_processes').map((row) => ({ ...row, args: '' }));
  ok(!JSON.stringify(told).includes('SECRET'));
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

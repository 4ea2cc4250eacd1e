import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runIn, testCgroup } from '../support/cgroup.ts';
import { skip } from '../support/skip.ts';
import { watch } from '../support/watch.ts';

/** A program that opens what it is told to and says, itself, how each call went: the truth to compare with. */
const OPENER = `
  const fs = require('node:fs');
  const results = process.argv.slice(1).map((path) => {
    try { const fd = fs.openSync(path, 'r'); fs.closeSync(fd); return { path, fd, error: 0 }; }
    catch (error) { return { path, fd: -1, error: error.code }; }
  });
  process.stdout.write(JSON.stringify(results));
`;

test('opensnoop sees every open of a process: path, descriptor, error', { skip }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-open-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const paths = Array.from({ length: 60 }, (_, i) => join(dir, i % 3 ? `there-${i}` : `missing-${i}`));
  for (const path of paths) if (path.includes('there')) writeFileSync(path, '');
  using cgroup = testCgroup();

  let truth: unknown;
  const seen = await watch('opensnoop', { target_cgroup: cgroup.path }, async () => {
    truth = JSON.parse(await runIn(cgroup, process.execPath, '-e', OPENER, ...paths));
  });
  const rows = seen.records('print_opens').filter((row) => (row.path as string).startsWith(dir));
  deepStrictEqual(
    rows.map(({ path, fd, error }) => ({ path, fd, error: error === 'ENOENT' ? error : 0 })),
    truth,
  );
  ok(rows.every((row) => (row.flags as string).includes('O_CLOEXEC')));
  strictEqual(seen.lost, 0);
});

test('opensnoop with failed_only leaves out what went well', { skip }, async () => {
  using cgroup = testCgroup();
  const seen = await watch('opensnoop', { target_cgroup: cgroup.path, failed_only: 'true' }, async () => {
    await runIn(cgroup, 'cat', '/etc/hostname', '/skep/not/there');
  });
  const rows = seen.records('print_opens');
  ok(rows.every((row) => row.fd === -1));
  strictEqual(rows.filter((row) => row.path === '/skep/not/there').length, 1);
});

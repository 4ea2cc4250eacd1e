import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runIn, testCgroup } from '../support/cgroup.ts';
import { skip } from '../support/skip.ts';
import { watch } from '../support/watch.ts';

test('fslatency counts reads and writes of files by file system, and not those of pipes', {
  skip,
}, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-fs-'));
  t.after(() => rmSync(dir, { recursive: true }));
  using cgroup = testCgroup();
  const file = join(dir, 'file');
  const fs = (await runIn(cgroup, 'stat', '-f', '-c', '%T', dir)).trim();
  const seen = await watch('fslatency', { target_cgroup: cgroup.path }, async () => {
    await runIn(cgroup, 'dd', 'if=/dev/zero', `of=${file}`, 'bs=4096', 'count=100');
    await runIn(cgroup, 'sh', '-c', 'echo into a pipe | wc -c');
  });
  const writes = seen
    .series('hist_fs_latency')
    .filter(({ labels }) => labels.operation === 'WRITE' && !String(labels.fs).startsWith('cgroup'));
  strictEqual(writes.length, 1, 'the pipe is not a file');
  ok(
    fs.startsWith(String(writes[0].labels.fs).slice(0, 3)),
    `${writes[0].labels.fs} is what stat calls ${fs}`,
  );
  strictEqual(
    writes[0].counts?.reduce((a, b) => a + b, 0),
    100,
  );
});

test('fslatency with target_fs leaves out the others', { skip }, async () => {
  using cgroup = testCgroup();
  const seen = await watch('fslatency', { target_cgroup: cgroup.path, target_fs: 'nosuchfs' }, async () => {
    await runIn(cgroup, 'cat', '/etc/passwd');
  });
  deepStrictEqual(seen.series('hist_fs_latency'), []);
});

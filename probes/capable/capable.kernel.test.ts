import { ok, strictEqual } from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runIn, testCgroup } from '../support/cgroup.ts';
import { skip } from '../support/skip.ts';
import { watch } from '../support/watch.ts';

/** Gives files away as root, then tries again as nobody: CAP_CHOWN granted, then refused. */
const SCRIPT = `
  use POSIX (); use Errno 'EPERM';
  my $file = "$ARGV[0]/file";
  open(my $made, '>', $file) or die; close $made;
  chown(1, 1, $file) or die for 1 .. 5;
  POSIX::setgid(65534); POSIX::setuid(65534) or die;
  my $refused = 0;
  for (1 .. 3) { $refused++ if !chown(2, 2, $file) && $! == EPERM }
  print $refused;
`;

test('capable tells which capability was asked for, and whether it was there', { skip }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-capable-'));
  t.after(() => rmSync(dir, { recursive: true }));
  using cgroup = testCgroup();
  chmodSync(dir, 0o755); // nobody must get as far as the file
  let refused = '';
  const seen = await watch('capable', { target_cgroup: cgroup.path }, async () => {
    refused = await runIn(cgroup, 'perl', '-e', SCRIPT, dir);
  });
  strictEqual(Number(refused), 3);
  const checks = seen.records('print_capability_checks').filter((row) => row.capability === 'CAP_CHOWN');
  ok(checks.filter((row) => row.allowed && row.uid !== 'nobody').length >= 5, 'granted to root');
  ok(checks.filter((row) => !row.allowed).length >= 3, 'refused to nobody');
  const counted = seen
    .series('counter_capability_checks')
    .filter((s) => s.labels.capability === 'CAP_CHOWN')
    .reduce((sum, s) => sum + s.value, 0);
  strictEqual(counted, checks.length, 'counted as often as printed');
});

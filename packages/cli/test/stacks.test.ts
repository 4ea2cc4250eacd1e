import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Sandbox } from './harness.ts';

const perl = '/usr/bin/perl';
const skip =
  process.getuid?.() !== 0
    ? 'loading BPF needs root'
    : existsSync(perl)
      ? false
      : 'needs perl, which exports names';

test('a program that was removed while it runs has its functions named, by a run that gave up its rights', {
  skip,
}, async (t) => {
  using box = new Sandbox();
  await box.ok(['build', join(import.meta.dirname, '../../../probes/profile'), '-o', 'profile.o']);
  const program = box.path('replaced');
  copyFileSync(perl, program);
  chmodSync(program, 0o755);
  const child = spawn(program, ['-e', '$| = 1; print "up"; $x = sqrt($x + 1) while 1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill());
  await once(child.stdout, 'data');
  rmSync(program);
  const stdout = await box.ok([
    ...['run', 'profile.o', '--pid', String(child.pid), '--no-prom', '--timeout', '500ms', '--folded', '-'],
  ]);
  assert.match(stdout, /^replaced;.*Perl_pp_/m);
});

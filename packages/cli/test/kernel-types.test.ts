// A kernel without types of its own: the same one, with its file of types hidden from the command.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fixture } from '../../../test/support/fixtures.ts';
import { type Ended, main, Sandbox } from './harness.ts';

const skip =
  (process.getuid?.() !== 0 && 'mounting needs root') ||
  (!existsSync('/sys/kernel/btf/vmlinux') && 'there are no types to pack');

/** Runs skep in a mount namespace of its own where /sys/kernel/btf is empty. */
function withoutTypes(box: Sandbox, ...args: string[]): Promise<Ended> {
  const script = 'mount -t tmpfs none /sys/kernel/btf && exec "$@"';
  const words = ['-m', 'sh', '-c', script, 'sh', process.execPath, main, ...args];
  return new Promise((resolve) => {
    execFile('unshare', words, { env: box.env, cwd: box.dir, encoding: 'utf8' }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

suite('an image with types for a kernel that has none', { skip }, () => {
  test('is checked and runs there; without them it does neither', async () => {
    using box = new Sandbox();
    const object = box.path('probe.o');
    writeFileSync(object, await fixture(join(import.meta.dirname, '../../../probes/exitsnoop/exitsnoop.c')));
    const btf = `${release()}=/sys/kernel/btf/vmlinux`;
    const built = await box.skep(['build', object, 'with:1', '--btf', btf]);
    assert.equal(built.code, 0, built.stderr);
    await box.skep(['build', object, 'without:1']);

    const bad = await withoutTypes(box, 'check', 'without:1', '--no-load');
    assert.equal(bad.code, 8, bad.stdout);
    assert.match(bad.stdout, /types of .* are not known/);
    const good = await withoutTypes(box, 'check', 'with:1');
    assert.equal(good.code, 0, good.stdout + good.stderr);
    assert.match(good.stdout, /those that the image has for/);

    // Narrowed to a process that is none, so that it sees nothing.
    const params = ['--set', 'target_pid=4194300', '--timeout', '200ms', '--no-tty'];
    const ran = await withoutTypes(box, 'run', 'with:1', ...params);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stderr, /no types of its own/);
    const failed = await withoutTypes(box, 'run', 'without:1', ...params);
    assert.equal(failed.code, 5, failed.stderr);
  });

  test('names of types that are no release are refused', async () => {
    using box = new Sandbox();
    const object = box.path('probe.o');
    writeFileSync(object, await fixture(join(import.meta.dirname, '../../../probes/exitsnoop/exitsnoop.c')));
    const { code, stderr } = await box.skep(['build', object, 'a:1', '--btf', '/sys/kernel/btf/vmlinux']);
    assert.equal(code, 2);
    assert.match(stderr, /"vmlinux" is no kernel release/);
  });
});

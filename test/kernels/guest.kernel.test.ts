// What every kernel test takes for granted about the machine it runs on, in a guest and here.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { suite, test } from 'node:test';
import { dumpVmlinuxHeader } from '@skep/bpf';
import { fixture } from '../support/fixtures.ts';

suite('a machine for kernel tests', () => {
  test('runs the kernel it is called after', { skip: !process.env.SKEP_GUEST && 'not in a guest' }, () => {
    const [version, architecture = 'x64'] = (process.env.SKEP_GUEST ?? '').split('-');
    assert.ok(release().startsWith(`${version}.`), release());
    assert.equal(process.arch, architecture);
  });

  test('has kernel types, tracefs and bpffs', () => {
    assert.ok(existsSync('/sys/kernel/btf/vmlinux'));
    assert.ok(existsSync('/sys/kernel/tracing/events'), 'mount -t tracefs tracefs /sys/kernel/tracing');
    assert.ok(existsSync('/sys/fs/bpf'));
  });

  test('tells its types, so that a probe can be compiled for it', async () => {
    const header = await dumpVmlinuxHeader();
    assert.match(header, /^struct task_struct \{$/m);
    assert.match(header, /^#pragma clang attribute push/m);
  });

  test('gets the objects of tests without a compiler', async () => {
    const object = await fixture(new URL('./guest/smallest.bpf.c', import.meta.url));
    assert.equal(Buffer.from(object.subarray(1, 4)).toString(), 'ELF');
  });
});

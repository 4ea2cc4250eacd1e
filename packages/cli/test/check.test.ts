import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { storedKernels } from '@skep/bpf';
import { fixture } from '../../../test/support/fixtures.ts';
import { Sandbox } from './harness.ts';

const vmlinux = '/sys/kernel/btf/vmlinux';
const skip = !existsSync(vmlinux) && 'there are no kernel types to check against';
const probe = (name: string) => fixture(join(import.meta.dirname, `../../../probes/${name}/${name}.c`));

suite('check', { skip }, () => {
  test('a file of types says what types can say; the rest is unknown, and exits 8', async () => {
    using box = new Sandbox();
    writeFileSync(box.path('oomkill.o'), await probe('oomkill'));
    const { code, stdout } = await box.skep(['check', 'oomkill.o', '--kernel', vmlinux]);
    assert.equal(code, 8);
    assert.match(stdout, /^PROGRAM +vmlinux\n/);
    assert.match(stdout, /mark_victim +\? 1/);
    assert.match(stdout, / 1 {2}the tracepoints of this kernel are not known/);
  });

  test('a folder of types is a column each, and a table is never wider than 80', async () => {
    using box = new Sandbox();
    writeFileSync(box.path('opensnoop.o'), await probe('opensnoop'));
    mkdirSync(box.path('kernels'));
    for (let i = 0; i < 9; i++) copyFileSync(vmlinux, box.path('kernels', `some-kernel-5.${i}.btf`));
    const { stdout } = await box.skep(['check', 'opensnoop.o', '--kernel', 'kernels']);
    for (let i = 0; i < 9; i++) assert.match(stdout, new RegExp(`some-kernel-5\\.${i}`));
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  });

  test('json has every program with its state and reason', async () => {
    using box = new Sandbox();
    writeFileSync(box.path('oomkill.o'), await probe('oomkill'));
    const { stdout } = await box.skep(['check', 'oomkill.o', '--kernel', vmlinux, '--format', 'json']);
    const [kernel] = JSON.parse(stdout);
    assert.equal(kernel.Kernel, 'vmlinux');
    assert.equal(kernel.State, 'unknown');
    assert.ok(kernel.Objects[0].Programs.some((p: { Name: string }) => p.Name === 'mark_victim'));
    const { stdout: line } = await box.skep([
      'check',
      'oomkill.o',
      '--kernel',
      vmlinux,
      '--format',
      '{{.Kernel}}={{.State}}',
    ]);
    assert.equal(line, 'vmlinux=unknown\n');
  });

  test('a kernel that is none names those there are', async () => {
    using box = new Sandbox();
    writeFileSync(box.path('oomkill.o'), await probe('oomkill'));
    await box.fails(3, /no kernel "9\.9"/, ['check', 'oomkill.o', '--kernel', '9.9']);
    await box.fails(3, /neither BTF nor/, ['check', 'oomkill.o', '--kernel', 'oomkill.o']);
    await box.fails(3, /holds no kernel types/, ['check', 'oomkill.o', '--kernel', '.']);
  });

  test('the running kernel is asked to load it, too', {
    skip: process.getuid?.() !== 0 && 'needs root',
  }, async () => {
    using box = new Sandbox();
    writeFileSync(box.path('exitsnoop.o'), await probe('exitsnoop'));
    const { code, stdout } = await box.skep(['check', 'exitsnoop.o']);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^PROGRAM +running\n/);
  });

  const none = storedKernels().length === 0 && 'no facts of kernels are kept: node test/kernels/facts.ts';
  test('the kernels that skep knows, all of them', { skip: none }, async () => {
    using box = new Sandbox();
    writeFileSync(box.path('oomkill.o'), await probe('oomkill'));
    const known = storedKernels();
    const { stdout } = await box.skep(['check', 'oomkill.o', '--kernel', 'all', '--format', 'json']);
    const kernels = JSON.parse(stdout) as { Kernel: string; State: string; Version: string }[];
    assert.deepEqual(
      kernels.map((k) => [k.Kernel, k.State]),
      known.map((name) => [name, 'runs']),
    );
  });
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { native } from '../src/native.ts';
import { keepKernelTypes } from '../src/object/types-kept.ts';
import { compileBpf } from './support/clang.ts';
import { sourceFlags } from './support/kernel.ts';

const at = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);

// One that cannot be loaded without the kernel's types.
const { path } = compileBpf(
  `#include <linux/bpf.h>
   #include <bpf/bpf_helpers.h>
   char L[] SEC("license") = "GPL";
   struct task_struct { int pid; } __attribute__((preserve_access_index));
   SEC("raw_tp") int p(unsigned long *c) {
     int v = 0; bpf_probe_read_kernel(&v, 4, &((struct task_struct *)c[0])->pid); return v;
   }`,
  sourceFlags,
);

/** What a process with this code says that may `hide` all that is in the kernel's file of types, and `load` the object. */
function run(code: string): string[] {
  const script = `
    const { execFileSync } = await import('node:child_process');
    const { readFileSync } = await import('node:fs');
    const { native } = await import(${at('../src/native.ts')});
    const { BpfObject } = await import(${at('../src/index.ts')});
    const hide = () => execFileSync('mount', ['--bind', '/dev/null', '/sys/kernel/btf/vmlinux']);
    const load = async () => {
      using object = BpfObject.open(readFileSync(${JSON.stringify(path)}));
      await object.load().then(() => console.log('loaded'), (e) => console.log(e.code));
    };
    ${code}`;
  // The mount is gone with the process.
  const args = ['-m', process.execPath, '--input-type=module-typescript', '-e', script];
  return execFileSync('unshare', args, { encoding: 'utf8' }).trim().split('\n');
}

test('types that were read ahead are used', () => {
  assert.deepEqual(run('hide(); await load();'), ['SKEP_UNSUPPORTED']);
  assert.deepEqual(run('await native().kernelTypesAhead(); hide(); await load();'), ['loaded']);
});

test('types are read once for loads that follow each other or run side by side, until they are dropped', () => {
  const said = run(`
    await load();
    hide();
    await load();
    await Promise.all(Array.from({ length: 8 }, load));
    const busy = load();
    native().kernelTypesDrop();
    await busy;
    native().kernelTypesDrop();
    await load();`);
  // What a drop in the middle of a load comes to depends on which is first: it ends well or is told.
  assert.deepEqual(said.slice(0, 10), Array(10).fill('loaded'));
  assert.equal(said.length, 12);
  assert.equal(said.at(-1), 'SKEP_UNSUPPORTED');
});

test('types are dropped some seconds after the last load', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const dropped = t.mock.method(native(), 'kernelTypesDrop', () => true);
  keepKernelTypes();
  t.mock.timers.tick(9_000);
  keepKernelTypes();
  t.mock.timers.tick(9_000);
  assert.equal(dropped.mock.callCount(), 0);
  t.mock.timers.tick(1_000);
  assert.equal(dropped.mock.callCount(), 1);
});

test('a load that comes before they are read does not wait for ever, with one thread for both', () => {
  const before = process.env.UV_THREADPOOL_SIZE;
  process.env.UV_THREADPOOL_SIZE = '1';
  try {
    assert.deepEqual(run('native().kernelTypesAhead(); await load(); await load();'), ['loaded', 'loaded']);
  } finally {
    if (before === undefined) delete process.env.UV_THREADPOOL_SIZE;
    else process.env.UV_THREADPOOL_SIZE = before;
  }
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
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

/** Loads it `times` in a process that, from when it begins to load, sees nothing in the kernel's file of types. */
function load(before: string, times = 1): string[] {
  const code = `
    const { execFileSync } = await import('node:child_process');
    const { readFileSync } = await import('node:fs');
    const { native } = await import(${at('../src/native.ts')});
    const { BpfObject } = await import(${at('../src/index.ts')});
    const hide = () => execFileSync('mount', ['--bind', '/dev/null', '/sys/kernel/btf/vmlinux']);
    ${before}
    for (let i = 0; i < ${times}; i++) {
      using object = BpfObject.open(readFileSync(${JSON.stringify(path)}));
      await object.load().then(() => console.log('loaded'), (e) => console.log(e.code));
    }`;
  // The mount is gone with the process.
  const args = ['-m', process.execPath, '--input-type=module-typescript', '-e', code];
  return execFileSync('unshare', args, { encoding: 'utf8' }).trim().split('\n');
}

test('types that were read ahead are used, once, by the next object that needs them', () => {
  assert.deepEqual(load('hide();'), ['SKEP_UNSUPPORTED']);
  const later = load('await native().kernelTypesAhead(); hide();', 2);
  assert.deepEqual(later, ['loaded', 'SKEP_UNSUPPORTED']);
});

test('a load that comes before they are read does not wait for ever, with one thread for both', () => {
  const before = process.env.UV_THREADPOOL_SIZE;
  process.env.UV_THREADPOOL_SIZE = '1';
  try {
    assert.deepEqual(load('native().kernelTypesAhead();', 3), ['loaded', 'loaded', 'loaded']);
  } finally {
    if (before === undefined) delete process.env.UV_THREADPOOL_SIZE;
    else process.env.UV_THREADPOOL_SIZE = before;
  }
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Elf } from '@skep/bpf';
import { gplOnlyUses, headerDirs, licenseOf, type ProbeError } from '../src/index.ts';
import { GPL_ONLY_HELPERS } from '../src/license/gpl-helpers.ts';
import { build } from './support.ts';

const PRINTS = 'SEC("raw_tp/sys_enter") int prints(void *ctx) { bpf_printk("x"); return 0; }';

test('without a licence, or with another one, GPL helpers are refused by name', async () => {
  for (const [license, says] of [
    ['', 'has no SEC("license")'],
    ['char L[] SEC("license") = "Apache-2.0";', 'has the licence "Apache-2.0"'],
  ]) {
    const error = await build(`#include "skep.h"\n${license}\n${PRINTS}`, true).then(
      () => assert.fail('it was built'),
      (e: ProbeError) => e,
    );
    assert.equal(error.code, 'SKEP_LICENSE');
    assert.ok(error.message.includes(says!), error.message);
    assert.match(error.message, /bpf_trace_printk/);
    assert.match(error.hint, /SEC\("license"\) = "GPL"/);
  }
});

test('helpers of static functions and behind 64-bit constants count too', async () => {
  const object = await build(`
static __attribute__((noinline)) long now(void) { return bpf_get_current_task() + 0x123456789abcdefULL; }
SEC("raw_tp/sys_enter") int calls(void *ctx) { return now() + bpf_get_current_pid_tgid(); }`);
  assert.deepEqual(gplOnlyUses(Elf.parse(object)), ['bpf_get_current_task']);
  assert.equal(licenseOf(Elf.parse(object)), 'GPL');
});

test('free helpers need no licence', async () => {
  const object = await build(
    '#include "skep.h"\nSEC("raw_tp/sys_enter") int calls(void *ctx) { return bpf_get_current_pid_tgid() + bpf_ktime_get_ns(); }',
    true,
  );
  assert.equal(licenseOf(Elf.parse(object)), '');
});

test('the helper numbers are those of libbpf', () => {
  const text = readFileSync(join(headerDirs().libbpf, 'bpf/bpf_helper_defs.h'), 'utf8');
  const known = new Map(
    [...text.matchAll(/\(\*(bpf_\w+)\)\(.*\) = \(void \*\) (\d+);/g)].map((m) => [Number(m[2]), m[1]]),
  );
  assert.ok(known.size > 200);
  for (const [number, name] of GPL_ONLY_HELPERS) assert.equal(known.get(number), name);
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compile, describeObject, headerDirs, ProbeError } from '../src/index.ts';
import { build, Folder, PROGRAM, tool } from './support.ts';

async function refusal(source: string): Promise<ProbeError> {
  using folder = new Folder();
  try {
    await compile({ source: folder.write('probe.c', source) });
  } catch (error) {
    assert.ok(error instanceof ProbeError, String(error));
    return error;
  }
  return assert.fail('it compiled');
}

test('including skep.h and solo_types.h, in either order, is one error that says which to drop', async () => {
  for (const headers of [
    '#include "skep.h"\n#include "solo_types.h"\n',
    '#include "vmlinux.h"\n#include "solo_types.h"\n#include "skep.h"\n',
  ]) {
    const error = await refusal(headers);
    assert.equal(error.code, 'SKEP_COMPILE');
    assert.match(error.log ?? '', /in a new probe drop solo_types\.h, in a bee program drop skep\.h/);
    assert.match(error.message, /\(1 error,/);
  }
});

test('skep_filter.h asks for skep.h', async () => {
  const error = await refusal('#include "vmlinux.h"\n#include "skep_filter.h"\n');
  assert.match(error.log ?? '', /include skep\.h before skep_filter\.h/);
});

test('bee programs find their types in solo_types.h, and memcpy without a declaration is no warning', async () => {
  using folder = new Folder();
  const source = folder.write(
    'bee.c',
    `#include "vmlinux.h"
#include "solo_types.h"
#include "bpf/bpf_helpers.h"
struct event { ipv4_addr a; ipv6_addr b; duration c; };
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1 << 24); __type(value, struct event); } print_events SEC(".maps");
SEC("tracepoint/syscalls/sys_enter_open") int probe(void *ctx) {
  struct event e = {}, *r = bpf_ringbuf_reserve(&print_events, sizeof(e), 0);
  if (!r) return 0;
  memcpy(r, &e, sizeof(e));
  bpf_ringbuf_submit(r, 0);
  return 0;
}`,
  );
  assert.equal((await compile({ source })).diagnostics, '');
});

test("programs on users' functions have their macros, which libbpf's headers have since 1.2, and none is defined twice", async () => {
  using folder = new Folder();
  const source = (more: string) =>
    folder.write(
      'uprobes.c',
      `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
${more}
SEC("uprobe//bin/true:main") int BPF_UPROBE(on_main, int argc) { return argc; }
SEC("uretprobe//bin/true:main") int BPF_URETPROBE(of_main, int status) { return status; }
char LICENSE[] SEC("license") = "GPL";`,
    );
  // As newer headers say it.
  const theirs = `#define BPF_UPROBE(name, args...)  BPF_KPROBE(name, ##args)
#define BPF_URETPROBE(name, args...)  BPF_KRETPROBE(name, ##args)`;
  for (const more of ['', theirs]) {
    const { object, diagnostics } = await compile({ source: source(more) });
    assert.equal(diagnostics, '');
    assert.deepEqual(
      describeObject(object, 'uprobes.o').programs.map((p) => p.name),
      ['on_main', 'of_main'],
    );
  }
});

test('macros end up in BTF as bpftool reads it, for members, maps, parameters and programs', async () => {
  const object = await build(`
struct event {
  __u32 pid SKEP_LABEL;
  duration_ns took SKEP_HELP("how, long") SKEP_UNIT("ns") SKEP_VALUE;
  char secret[8] SKEP_PRIVATE;
};
SKEP_RINGBUF(print_events, struct event, 4096) SKEP_HELP("a row") SKEP_SHARED;
SKEP_PARAM(__s64, never_read, -5, "left alone");
SKEP_OPTIONAL SEC("raw_tp/sys_enter") int maybe(void *ctx) { return 0; }`);
  const dump = tool(object, 'bpftool', 'btf', 'dump', 'file', '{}');
  const tags = [...dump.matchAll(/DECL_TAG '(.*)' type_id=\d+ component_idx=(-?\d+)/g)].map((m) => [
    m[1],
    m[2],
  ]);
  assert.deepEqual(
    new Set(tags.map(([tag, component]) => `${component} ${tag}`)),
    new Set([
      '0 skep:label',
      '1 skep:help=how, long',
      '1 skep:unit=ns',
      '1 skep:value',
      '2 skep:private',
      '-1 skep:help=a row',
      '-1 skep:shared',
      '-1 skep:help=left alone',
      '-1 skep:optional',
    ]),
  );
  assert.match(dump, /VAR 'never_read'/);
});

test('skep_log2 is the floor of the logarithm', () => {
  // The function's own text, compiled for this machine and compared with the compiler's count of leading zeros.
  const header = readFileSync(join(headerDirs().skep, 'skep.h'), 'utf8');
  const log2 = /static __always_inline __u32 skep_log2[\s\S]*?\n}\n/.exec(header)?.[0];
  assert.ok(log2);
  using folder = new Folder();
  const source = folder.write(
    'log2.c',
    `typedef unsigned int __u32; typedef unsigned long long __u64;
#define __always_inline __attribute__((always_inline))
${log2}
int main(void) {
  if (skep_log2(0) != 0) return 2;
  for (int bit = 0; bit < 64; bit++)
    for (int off = -1; off <= 1; off++) {
      __u64 v = (1ULL << bit) + off;
      if (v && skep_log2(v) != 63 - __builtin_clzll(v)) return 1;
    }
  return 0;
}`,
  );
  const program = join(folder.path, 'log2');
  execFileSync('clang', ['-O1', source, '-o', program]);
  execFileSync(program);
});

test('skep_filter.h gives a probe four lists, all empty', async () => {
  const object = await build(`#include "skep_filter.h"
SEC("raw_tp/sys_enter") int watched(void *ctx) { return skep_watched(); }`);
  const params = describeObject(object, 'probe.o').params.map((p) => [p.name, p.type, p.default]);
  assert.deepEqual(params.sort(), [
    ['target_cgroup', 'list of cgroup_id_t', []],
    ['target_comm', 'list of skep_comm_t', []],
    ['target_pid', 'list of __u32', []],
    ['target_uid', 'list of user_id_t', []],
  ]);
});

test('a program that does nothing is a probe', async () => {
  assert.ok((await build(PROGRAM)).length > 500);
});

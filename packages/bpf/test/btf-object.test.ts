import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import { Btf } from '../src/btf/btf.ts';
import { lineInfo, sourceLineAt } from '../src/btf/line-info.ts';
import { mapDefinitions } from '../src/btf/map-definitions.ts';
import { Elf } from '../src/elf/elf.ts';
import { BpfError } from '../src/errors.ts';
import { compileBpf } from './support/clang.ts';
import { KITCHEN_SINK } from './support/kitchen-sink.ts';
import { PRELUDE } from './support/prelude.ts';

const elf = Elf.parse(compileBpf(KITCHEN_SINK).bytes);
const btf = Btf.fromElf(elf);

test('maps are read as they are declared, ring buffers with the type of their records', () => {
  const shown = mapDefinitions(btf, elf).map((m) => ({
    ...m,
    keyTypeId: m.keyTypeId && btf.nameOf(m.keyTypeId),
    valueTypeId: m.valueTypeId && btf.nameOf(m.valueTypeId),
    variableId: btf.declTags(m.variableId).join(),
    inner: m.inner && [m.inner.type, m.inner.maxEntries, m.inner.keySize, m.inner.valueSize],
  }));
  const defaults = {
    keyTypeId: 0,
    valueTypeId: 0,
    flags: 0,
    pinning: 'none',
    variableId: '',
    inner: undefined,
  };
  const byName = Object.fromEntries(shown.map((m) => [m.name, m]));
  assert.equal(shown.length, 5);
  assert.deepEqual(byName.print_events, {
    ...defaults,
    name: 'print_events',
    type: 27,
    maxEntries: 4096,
    keySize: 0,
    valueSize: 192,
    valueTypeId: 'struct event',
    variableId: 'skep:help=events',
  });
  assert.deepEqual(byName.counter_calls, {
    ...defaults,
    name: 'counter_calls',
    type: 1,
    maxEntries: 128,
    keySize: 16,
    valueSize: 8,
    keyTypeId: 'struct key',
    valueTypeId: '__u64',
    flags: 1,
    pinning: 'name',
  });
  assert.deepEqual(byName.perf, {
    ...defaults,
    name: 'perf',
    type: 4,
    maxEntries: 0,
    keySize: 4,
    valueSize: 4,
  });
  assert.deepEqual(byName.outer, {
    ...defaults,
    name: 'outer',
    type: 12,
    maxEntries: 3,
    keySize: 4,
    valueSize: 4,
    inner: [2, 7, 4, 16],
  });
});

test("libbpf-dev's own macros and __ulong are understood", () => {
  const source = `
${PRELUDE}struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 2); __uint(key_size, 4); __array(values, int (void *)); } jumps SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_BLOOM_FILTER); __uint(max_entries, 9); __type(value, __u32); enum { __unique = 0x1ff } map_extra; } bloom SEC(".maps");
`;
  const object = Elf.parse(compileBpf(source).bytes);
  const maps = mapDefinitions(Btf.fromElf(object), object);
  assert.deepEqual(
    maps.map((m) => [m.name, m.type, m.maxEntries, m.keySize, m.valueSize, m.inner]),
    [
      ['jumps', 3, 2, 4, 4, undefined],
      ['bloom', 30, 9, 0, 4, undefined],
    ],
  );
});

test('an object without maps has none; a map of another shape is refused', () => {
  const none = Elf.parse(compileBpf('int x;').bytes);
  assert.deepEqual(mapDefinitions(Btf.fromElf(none), none), []);
  for (const declaration of ['int m', 'struct { int type; } m', 'struct { int (*key)[4]; int key2; } m']) {
    const odd = Elf.parse(compileBpf(`__attribute__((section(".maps"), used)) ${declaration};`).bytes);
    assert.throws(
      () => mapDefinitions(Btf.fromElf(odd), odd),
      (e: unknown) => e instanceof BpfError && e.code === 'SKEP_BTF_INVALID' && /"m"/.test(e.message),
    );
  }
});

test('every instruction leads to its line of C', () => {
  const lines = KITCHEN_SINK.split('\n');
  const info = lineInfo(elf);
  const section = 'tracepoint/syscalls/sys_enter_getpid';
  assert.deepEqual([...info.keys()].sort(), ['.text', 'raw_tp/sys_enter', section]);
  for (const records of info.values()) {
    for (const r of records) {
      assert.equal(basename(r.file), 'probe.c');
      assert.equal(r.text, lines[r.line - 1]!.trim());
      assert.ok(r.column > 0 && r.offset % 8 === 0);
    }
  }
  const records = info.get(section)!;
  const called = elf.section(section)!.data;
  // Instruction 0x85 is a call; the first is the helper 131, bpf_ringbuf_reserve.
  let reserve = 0;
  while (called[reserve] !== 0x85) reserve += 8;
  assert.match(sourceLineAt(records, reserve)!.text, /reserve\(&print_events/);
  assert.equal(sourceLineAt([], 0), undefined);
  assert.equal(sourceLineAt(records, 1e9), records.at(-1));
});

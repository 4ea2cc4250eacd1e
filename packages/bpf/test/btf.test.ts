import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { cpuMs } from '../../../test/support/cpu-time.ts';
import { Btf } from '../src/btf/btf.ts';
import type { BtfType } from '../src/btf/types.ts';
import { Elf } from '../src/elf/elf.ts';
import { BpfError } from '../src/errors.ts';
import { type BpftoolType, bpftoolBtf, compileBpf } from './support/clang.ts';
import { KITCHEN_SINK } from './support/kitchen-sink.ts';

const object = compileBpf(KITCHEN_SINK);
const btf = Btf.fromElf(Elf.parse(object.bytes));

/** Our type in bpftool's words. */
function asBpftool(t: BtfType): BpftoolType {
  const common = { id: t.id, kind: t.kind.toUpperCase(), name: t.name || '(anon)' };
  switch (t.kind) {
    case 'void':
      return common;
    case 'int': {
      const encoding = t.signed ? 'SIGNED' : t.char ? 'CHAR' : t.bool ? 'BOOL' : '(none)';
      return { ...common, size: t.size, bits_offset: t.bitOffset, nr_bits: t.bits, encoding };
    }
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
      return { ...common, type_id: t.type };
    case 'array':
      return { ...common, type_id: t.element, index_type_id: t.index, nr_elems: t.length };
    case 'struct':
    case 'union': {
      const members = t.members.map((m) => ({
        name: m.name || '(anon)',
        type_id: m.type,
        bits_offset: m.bitOffset,
        ...(m.bitSize > 0 ? { bitfield_size: m.bitSize } : {}),
      }));
      return { ...common, size: t.size, vlen: members.length, members };
    }
    case 'enum':
    case 'enum64': {
      const values = t.values.map((v) => ({ name: v.name, val: String(v.value) }));
      return { ...common, size: t.size, vlen: values.length, values };
    }
    case 'fwd':
      return { ...common, fwd_kind: t.union ? 'union' : 'struct' };
    case 'func':
      return { ...common, type_id: t.type, linkage: t.linkage };
    case 'func_proto': {
      const params = t.parameters.map((p) => ({ name: p.name || '(anon)', type_id: p.type }));
      return { ...common, ret_type_id: t.returns, vlen: params.length, params };
    }
    case 'var':
      return { ...common, type_id: t.type, linkage: t.linkage };
    case 'datasec':
      return { ...common, size: t.size, vlen: t.variables.length };
    case 'float':
      return { ...common, size: t.size };
    case 'decl_tag':
      return { ...common, type_id: t.type, component_idx: t.component };
  }
}

/** bpftool 7.1 extends the sign of any enumerator; sizes of data sections differ by design. */
function comparable(theirs: BpftoolType, ours: BpftoolType): [unknown, unknown] {
  const { vars: _, encoding: signOfEnum, ...rest } = theirs;
  const kind = theirs.kind.toLowerCase();
  if (kind === 'int') return [{ ...rest, encoding: signOfEnum }, ours];
  if (kind === 'datasec')
    return [
      { ...rest, size: 0 },
      { ...ours, size: 0 },
    ];
  if (kind !== 'enum' && kind !== 'enum64') return [rest, ours];
  const bits = (v: string) => BigInt.asUintN(kind === 'enum' ? 32 : 64, BigInt(v)).toString();
  const low = (t: BpftoolType) => ({ ...t, values: t.values?.map((v) => [v.name, bits(v.val)]) });
  return [low(rest), low(ours)];
}

function compare(ours: Btf, theirs: readonly BpftoolType[]): void {
  assert.equal(ours.count, theirs.length + 1);
  for (const t of theirs) {
    const [a, b] = comparable(t, asBpftool(ours.type(t.id)));
    // deepEqual on each of 126,000 would take a minute; it is asked only for the message.
    if (canonical(a) !== canonical(b)) assert.deepEqual(b, a);
  }
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, v) =>
    v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort()) : v,
  );
}

test('every type of an object is what bpftool says it is', () => {
  compare(btf, bpftoolBtf(['file', object.path]));
  const kinds = new Set(Array.from({ length: btf.count }, (_, id) => btf.kind(id)));
  for (const kind of ['int', 'ptr', 'array', 'struct', 'union', 'enum', 'fwd', 'typedef', 'const'] as const) {
    assert.ok(kinds.has(kind), kind);
  }
  for (const kind of [
    'volatile',
    'restrict',
    'func',
    'func_proto',
    'var',
    'datasec',
    'float',
    'decl_tag',
  ] as const) {
    assert.ok(kinds.has(kind), kind);
  }
});

test('every type of the running kernel is what bpftool says it is', () => {
  compare(Btf.kernel(), bpftoolBtf(['file', '/sys/kernel/btf/vmlinux']));
});

test('the kernel is indexed at once and without an object per type', () => {
  Btf.releaseKernel();
  const took = cpuMs(() => {
    const task = Btf.kernel().find('task_struct', 'struct');
    assert.ok(task?.kind === 'struct' && task.members.some((m) => m.name === 'comm'));
  });
  assert.ok(took < 200, `${took} ms, typically 12`);
  const kernel = Btf.kernel();
  assert.ok(kernel.count > 10_000);
  assert.equal(Btf.kernel(), kernel);
  Btf.releaseKernel();
  assert.notEqual(Btf.kernel(), kernel);
});

test('types are found by name and kind', () => {
  assert.equal(btf.find('event', 'struct')?.kind, 'struct');
  assert.equal(btf.find('__u32')?.kind, 'typedef');
  assert.equal(btf.find('event', 'union'), undefined);
  assert.equal(btf.find('nothing'), undefined);
});

test('types are spelled as C spells them', () => {
  const event = btf.find('event', 'struct');
  assert.ok(event?.kind === 'struct');
  const spelled = Object.fromEntries(event.members.map((m) => [m.name, btf.nameOf(m.type)]));
  assert.deepEqual(spelled, {
    pid: '__u32',
    addr: 'ipv4_addr',
    bytes: '__u64',
    count: '__u32',
    comm: 'char[16]',
    '': 'struct {…}',
    u: 'union either',
    color: 'enum color',
    ok: '_Bool',
    low: 'unsigned int',
    high: 'int',
    self: 'const volatile struct event *',
    hidden: 'struct opaque *',
    call: 'callback',
    tagged: 'int *',
    ratio: 'double',
    matrix: '__s64[2][3]',
    names: 'const char *const *restrict',
    rows: 'int (*)[4]',
    cells: 'int *[4]',
  });
  const callback = btf.find('callback', 'typedef');
  assert.ok(callback?.kind === 'typedef');
  assert.equal(btf.nameOf(callback.type), 'int (*)(struct opaque *, const char *, ...)');
});

test('tags are read from types, members and variables', () => {
  const event = btf.find('event', 'struct')!;
  assert.deepEqual(btf.declTags(event.id, 0).sort(), ['skep:help=the process – täglich', 'skep:label']);
  assert.deepEqual(btf.declTags(event.id, 1), []);
  assert.deepEqual(btf.declTags(btf.find('target_pid', 'var')!.id), ['skep:help=only this process']);
});

test('sizes follow typedefs and arrays', () => {
  const event = btf.find('event', 'struct');
  assert.ok(event?.kind === 'struct');
  const size = (name: string) => btf.sizeOf(event.members.find((m) => m.name === name)!.type);
  assert.deepEqual(['addr', 'comm', 'matrix', 'cells', 'ok', 'call'].map(size), [4, 16, 48, 32, 1, 8]);
  assert.throws(
    () => btf.sizeOf(0),
    (e: unknown) => e instanceof BpfError && e.code === 'SKEP_TYPE_UNSUPPORTED',
  );
});

test('global variables have the offsets that the linker gives them', () => {
  const layout = (name: string) => {
    const section = btf.find(name, 'datasec');
    assert.ok(section?.kind === 'datasec');
    return [section.size, ...section.variables.map((v) => [btf.nameOf(v.type), v.offset, v.size])];
  };
  assert.deepEqual(layout('.rodata'), [
    22,
    ['target_pid', 0, 4],
    ['target_comm', 4, 16],
    ['hidden_limit', 20, 2],
  ]);
  assert.deepEqual(layout('.data'), [12, ['started', 0, 8], ['local_counter', 8, 4]]);
  assert.deepEqual(layout('.bss'), [8, ['hits', 0, 8]]);
});

test('a split BTF builds on its base', () => {
  const strings = Buffer.from('\0extra\0');
  const header = Buffer.alloc(24);
  const base = Btf.kernel();
  const task = base.find('task_struct', 'struct')!;
  const types = Buffer.alloc(24);
  const stringStart = baseStringBytes();
  types.writeUInt32LE(stringStart + 1, 0);
  types.writeUInt32LE(8 << 24, 4);
  types.writeUInt32LE(task.id, 8);
  types.writeUInt32LE(2 << 24, 16);
  types.writeUInt32LE(base.count, 20);
  header.writeUInt16LE(0xeb9f, 0);
  header[2] = 1;
  header.writeUInt32LE(24, 4);
  header.writeUInt32LE(24, 12);
  header.writeUInt32LE(24, 16);
  header.writeUInt32LE(strings.length, 20);
  const split = Btf.parse(Buffer.concat([header, types, strings]), base);
  assert.equal(split.count, base.count + 2);
  assert.equal(split.nameOf(base.count), 'extra');
  assert.equal(split.nameOf(base.count + 1), 'extra *');
  assert.equal(split.resolve(base.count), base.type(task.id));
  assert.equal(split.find('extra', 'typedef')?.id, base.count);
  assert.equal(split.find('task_struct', 'struct')?.id, task.id);
});

/** Length of the kernel's string table, from its header. */
function baseStringBytes(): number {
  return readFileSync('/sys/kernel/btf/vmlinux').readUInt32LE(20);
}

test('an object without -g says what is missing', () => {
  const bare = compileBpf('int x;', ['-target', 'bpf']);
  assert.throws(
    () => Btf.fromElf(Elf.parse(bare.bytes)),
    (e: unknown) => {
      return e instanceof BpfError && e.code === 'SKEP_BTF_MISSING' && /-g/.test(e.hint);
    },
  );
});

test('a module or kernel without BTF says so', () => {
  assert.throws(
    () => Btf.kernelModule('no_such_module'),
    (e: unknown) =>
      e instanceof BpfError && e.code === 'SKEP_BTF_MISSING' && /no_such_module/.test(e.message),
  );
});

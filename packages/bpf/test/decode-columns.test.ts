import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Btf } from '../src/btf/btf.ts';
import { compileDecoder } from '../src/decode/compile.ts';
import { recordView } from '../src/decode/record-view.ts';
import type { DecodeOptions, FormatSpec, Value } from '../src/decode/types.ts';
import { ipv4JsonInto } from '../src/decode/write-address.ts';
import { stringify } from '../src/decode/write-text.ts';
import { Elf } from '../src/elf/elf.ts';
import { BpfError } from '../src/errors.ts';
import { compileBpf } from './support/clang.ts';

const SOURCE = `
typedef unsigned char u8; typedef unsigned int u32; typedef unsigned long long u64;
typedef u32 ipv4_addr; typedef const ipv4_addr peer_t; typedef u64 duration_ns; typedef struct { u8 byte[4]; } mac_t;
#define TAG(t) __attribute__((btf_decl_tag(t)))
struct point { u32 x TAG("skep:unit=px"); struct { u32 y; } TAG_ANON; };
struct event {
  u32 pid TAG("skep:label");
  peer_t peer;
  duration_ns took;
  struct point at TAG("skep:private");
  mac_t mac;
  ipv4_addr hops[2];
  char comm[8];
  struct { } nothing;
  union { u32 all; u8 low; } u;
  _Bool ok : 1;
  u32 level : 5;
  double ratio;
  void *where;
  enum { IDLE, BUSY } state;
  u32 rest[];
};
struct event g;
struct bpf_spin_lock { u32 val; };
struct bpf_timer { u64 opaque[2]; };
struct locked { struct bpf_spin_lock lock; u32 count; struct { struct bpf_timer timer; u32 level; } in; } locked;
u64 scalar;
struct arrays { ipv4_addr hops[2]; duration_ns took[2]; ipv4_addr grid[2][2]; struct { u32 n; ipv4_addr at; } ways[2]; u32 plain[2]; } arrays;
`;
const btf = Btf.fromElf(Elf.parse(compileBpf(SOURCE.replaceAll(' TAG_ANON', '')).bytes));
const eventId = btf.find('event', 'struct')!.id;

const ipv4 = (v: Value) => [0, 8, 16, 24].map((s) => (Number(v) >>> s) & 255).join('.');
const formats: Record<string, FormatSpec> = {
  ipv4_addr: { name: 'ipv4', text: ipv4, json: ipv4 },
  duration_ns: { name: 'duration', text: (v) => `${Number(v) / 1000}us` },
  mac_t: { name: 'mac', text: (v) => macText(v), json: (v) => macText(v) },
};
const macText = (v: Value) =>
  (v as { byte: number[] }).byte.map((b) => b.toString(16).padStart(2, '0')).join(':');
const options: DecodeOptions = { format: (name) => formats[name] };

function record(): { view: ReturnType<typeof recordView>; length: number } {
  const view = recordView(new Uint8Array(104));
  const { dv, u8 } = view;
  dv.setUint32(0, 42, true);
  u8.set([10, 0, 0, 1], 4);
  dv.setBigUint64(8, 1500n, true);
  dv.setUint32(16, 3, true);
  dv.setUint32(20, 4, true);
  u8.set([0xde, 0xad, 0xbe, 0xef], 24);
  u8.set([1, 1, 1, 1, 8, 8, 8, 8], 28);
  u8.set(Buffer.from('cat'), 36);
  dv.setUint32(44, 0x105, true);
  u8[48] = 0b101011;
  dv.setFloat64(56, 0.5, true);
  dv.setBigUint64(64, 0xdeadn, true);
  dv.setUint32(72, 1, true);
  dv.setUint32(76, 7, true);
  dv.setUint32(80, 8, true);
  return { view, length: 84 };
}

test('columns are the leaves, with formats, tags and C names', () => {
  const decoder = compileDecoder(btf, eventId, options);
  const rows = decoder.columns.map((c) => [
    c.name,
    c.offset,
    c.size,
    c.kind,
    c.typeName,
    c.numeric,
    c.format?.name,
    c.tags.join(),
  ]);
  assert.deepEqual(rows, [
    ['pid', 0, 4, 'int', 'u32', true, undefined, 'skep:label'],
    ['peer', 4, 4, 'int', 'peer_t', false, 'ipv4', ''],
    ['took', 8, 8, 'int', 'duration_ns', true, 'duration', ''],
    ['at.x', 16, 4, 'int', 'u32', true, undefined, 'skep:private,skep:unit=px'],
    ['at.y', 20, 4, 'int', 'u32', true, undefined, 'skep:private'],
    ['mac', 24, 4, 'struct', 'mac_t', false, 'mac', ''],
    ['hops', 28, 8, 'array', 'ipv4_addr[2]', false, 'parts', ''],
    ['comm', 36, 8, 'char[]', 'char[8]', false, undefined, ''],
    ['nothing', 44, 0, 'struct', 'struct {…}', false, undefined, ''],
    ['u.all', 44, 4, 'int', 'u32', true, undefined, ''],
    ['u.low', 44, 1, 'int', 'u8', true, undefined, ''],
    ['ok', 48, 1, 'bool', '_Bool', false, undefined, ''],
    ['level', 48, 1, 'int', 'u32', true, undefined, ''],
    ['ratio', 56, 8, 'float', 'double', true, undefined, ''],
    ['where', 64, 8, 'ptr', 'void *', false, undefined, ''],
    ['state', 72, 4, 'enum', 'enum {…}', false, undefined, ''],
    ['rest', 76, 0, 'array', 'u32[]', false, undefined, ''],
  ]);
});

test('a person reads texts, a machine reads JSON, a filter reads values', () => {
  const decoder = compileDecoder(btf, eventId, options);
  const { view, length } = record();
  const texts = decoder.columns.map((_, i) => decoder.text(i, view, 0, length));
  assert.deepEqual(texts, [
    '42',
    '10.0.0.1',
    '1.5us',
    '3',
    '4',
    'de:ad:be:ef',
    '["1.1.1.1","8.8.8.8"]',
    'cat',
    '{}',
    '261',
    '5',
    'true',
    '21',
    '0.5',
    '0xdead',
    'BUSY',
    '[7,8]',
  ]);
  const json =
    '{"pid":42,"peer":"10.0.0.1","took":1500,"at":{"x":3,"y":4},"mac":"de:ad:be:ef","hops":["1.1.1.1","8.8.8.8"],' +
    '"comm":"cat","nothing":{},"u":{"all":261,"low":5},"ok":true,"level":21,"ratio":0.5,"where":"0xdead",' +
    '"state":"BUSY","rest":[7,8]}';
  assert.equal(decoder.json(view, 0, length), json);
  assert.equal(stringify(decoder.decode(view, 0, length)), json);
  const values = decoder.columns.map((c, i) => [c.name, decoder.column(i)(view, 0)]);
  assert.deepEqual(values[1], ['peer', 0x0100000a]);
  assert.deepEqual(values[5], ['mac', { byte: [0xde, 0xad, 0xbe, 0xef] }]);
  assert.throws(
    () => decoder.column(99),
    (e: unknown) => e instanceof BpfError && e.code === 'SKEP_NOT_FOUND',
  );
});

test('parts of a column are shown as they are alone', () => {
  const decoder = compileDecoder(btf, btf.find('arrays', 'struct')!.id, options);
  const bytes = new Uint8Array(decoder.size);
  for (const [i] of bytes.entries()) bytes[i] = i % 4 === 0 ? 1 + (i >> 2) : 0;
  const view = recordView(bytes);
  const json = decoder.columns.map(({ name, format }, i) => {
    const value = decoder.column(i)(view, 0);
    return [name, format?.json ? format.json(value) : value];
  });
  assert.deepEqual(Object.fromEntries(json), decoder.decode(view, 0));
  assert.equal(decoder.text(0, view, 0), stringify(json[0]![1] as Value));
  assert.deepEqual(
    decoder.columns.filter((c) => c.format === undefined).map((c) => c.name),
    ['took', 'plain'],
  );
});

test('a format that writes for itself says the same', () => {
  const fast = { ...formats.ipv4_addr!, jsonInto: ipv4JsonInto };
  const plain = compileDecoder(btf, eventId, options);
  const quick = compileDecoder(btf, eventId, { format: (n) => (n === 'ipv4_addr' ? fast : formats[n]) });
  const { view, length } = record();
  assert.equal(quick.json(view, 0, length), plain.json(view, 0, length));
  for (const bytes of [
    [0, 0, 0, 0],
    [255, 255, 255, 255],
    [192, 168, 0, 99],
  ]) {
    view.u8.set(bytes, 4);
    assert.equal(quick.json(view, 0, length), plain.json(view, 0, length));
  }
});

test('a format that takes a struct for people only leaves its JSON plain', () => {
  const text = { name: 'mac', text: macText };
  const inner = { name: 'byte', text: String, json: () => 'never' };
  const decoder = compileDecoder(btf, eventId, {
    format: (n) => (n === 'mac_t' ? text : n === 'u8' ? inner : undefined),
  });
  const { view, length } = record();
  const mac = decoder.columns.findIndex((c) => c.name === 'mac');
  assert.equal(decoder.text(mac, view, 0, length), 'de:ad:be:ef');
  assert.match(decoder.json(view, 0, length), /"mac":\{"byte":\[222,173,190,239\]\}/);
  assert.equal(decoder.json(view, 0, length), stringify(decoder.decode(view, 0, length)));
});

test('the outermost typedef that has a format is used, and a struct by its own name', () => {
  const named = compileDecoder(btf, eventId, {
    format: (n) => (n === 'struct event' ? undefined : { name: n, text: String }),
  });
  assert.equal(named.columns.find((c) => c.name === 'peer')?.format?.name, 'peer_t');
  const whole = compileDecoder(btf, eventId, { format: (n) => ({ name: n, text: () => 'all of it' }) });
  const { view, length } = record();
  assert.deepEqual(
    whole.columns.map((c) => [c.format?.name, whole.text(0, view, 0, length)]),
    [['struct event', 'all of it']],
  );
});

test('a scalar, and a struct that a format takes whole, are one column named value', () => {
  const variable = btf.find('scalar', 'var');
  assert.ok(variable?.kind === 'var');
  const view = recordView(new Uint8Array([255, 255, 255, 255, 255, 255, 255, 255]));
  const scalar = compileDecoder(btf, variable.type, options);
  assert.equal(scalar.json(view, 0), '{"value":18446744073709551615}');
  assert.deepEqual(
    scalar.columns.map((c) => [c.name, c.typeName]),
    [['value', 'u64']],
  );
  const mac = compileDecoder(btf, btf.find('mac_t', 'typedef')!.id, options);
  assert.equal(mac.json(view, 0), '{"value":"ff:ff:ff:ff"}');
});

test('a record that is not all there is refused before anything is read', () => {
  const decoder = compileDecoder(btf, eventId, options);
  const { view, length } = record();
  const short = (e: unknown) =>
    e instanceof BpfError && e.code === 'SKEP_RECORD_SHORT' && /"struct event"/.test(e.message);
  for (const how of ['decode', 'json'] as const) {
    const run = (v: typeof view, at: number, size: number): unknown => decoder[how](v, at, size);
    assert.throws(() => run(view, 0, decoder.size - 1), short);
    assert.throws(() => run(view, 60, length), short);
    assert.throws(() => run(view, -1, length), short);
    assert.throws(() => run(view, Number.NaN, length), short);
  }
});

test('JSON that does not fit is refused whole, also with texts of unknown length', () => {
  const long: FormatSpec = { name: 'long', text: String, json: () => 'ü"'.repeat(4000) };
  const decoder = compileDecoder(btf, eventId, { format: (n) => (n === 'duration_ns' ? long : undefined) });
  const { view, length } = record();
  assert.equal(decoder.jsonInto(recordView(new Uint8Array(10_000)), 0, view, 0, length), -1);
  const parsed = JSON.parse(decoder.json(view, 0, length)) as { took: string };
  assert.equal(parsed.took, 'ü"'.repeat(4000));
});

test('what the kernel keeps for itself in a value is no data', () => {
  const decoder = compileDecoder(btf, btf.find('locked', 'struct')!.id);
  assert.deepEqual(
    decoder.columns.map((c) => [c.name, c.offset]),
    [
      ['count', 4],
      ['in.level', 24],
    ],
  );
  assert.equal(decoder.json(recordView(new Uint8Array(decoder.size)), 0), '{"count":0,"in":{"level":0}}');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Btf } from '../src/btf/btf.ts';
import { compileDecoder } from '../src/decode/compile.ts';
import { recordView } from '../src/decode/record-view.ts';
import { BpfError, type BpfErrorCode } from '../src/errors.ts';
import { BtfBuilder } from './support/btf-builder.ts';

function failsWith(code: BpfErrorCode, run: () => unknown): void {
  assert.throws(run, (e: unknown) => {
    assert.ok(e instanceof BpfError, String(e));
    assert.equal(e.code, code, e.message);
    return true;
  });
}

const compile = (b: BtfBuilder, id: number) => compileDecoder(Btf.parse(b.bytes()), id);

test('names cannot become code, prototypes or broken JSON', () => {
  const b = new BtfBuilder();
  const u8 = b.int('unsigned char', 1);
  const names = [
    '"];throw 1;["',
    '__proto__',
    'constructor',
    '\u2028',
    "'+process.exit()+'",
    '\\',
    `$\{x}`,
    '\n',
    'größe',
    '\u007f',
  ];
  const struct = b.struct(
    '"+evil+"',
    names.length,
    names.map((n, i): [string, number, number] => [n, u8, i * 8]),
  );
  const value = b.add('enum', 'e', 4, [b.name('","x":"'), 0], 1);
  const outer = b.struct('outer', 16, [
    ['e', value, 0],
    ['s', struct, 32],
  ]);
  const decoder = compile(b, outer);
  const view = recordView(Uint8Array.from({ length: 16 }, (_, i) => (i < 4 ? 0 : i)));
  const decoded = decoder.decode(view, 0) as { e: string; s: Record<string, number> };
  assert.equal(Object.getPrototypeOf(decoded.s), Object.prototype);
  assert.deepEqual(
    Object.entries(decoded.s),
    names.map((n, i) => [n, 4 + i]),
  );
  assert.equal(decoded.e, '","x":"');
  const json = decoder.json(view, 0);
  assert.deepEqual(Object.entries((JSON.parse(json) as typeof decoded).s), Object.entries(decoded.s));
  assert.equal(decoder.text(0, view, 0), '","x":"');
  failsWith('SKEP_RECORD_SHORT', () => decoder.decode(view, 0, 15));
});

test('enum64 has names for numbers over 2^53, signed and unsigned', () => {
  const b = new BtfBuilder();
  const unsigned = b.add(
    'enum64',
    'big',
    8,
    [b.name('ALL'), 0xffffffff, 0xffffffff, b.name('TOP'), 1, 0x80000000],
    2,
  );
  const signed = b.add(
    'enum64',
    'neg',
    8,
    [b.name('MINUS'), 0xffffffff, 0xffffffff, b.name('FIVE'), 5, 0],
    2,
    true,
  );
  const struct = b.struct('s', 32, [
    ['a', unsigned, 0],
    ['b', unsigned, 64],
    ['c', signed, 128],
    ['d', unsigned, 192],
  ]);
  const view = recordView(new Uint8Array(32));
  for (const [i, v] of [2n ** 64n - 1n, 2n ** 63n + 1n, 2n ** 64n - 1n, 2n ** 64n - 2n].entries())
    view.dv.setBigUint64(i * 8, v, true);
  assert.equal(
    compile(b, struct).json(view, 0),
    '{"a":"ALL","b":"TOP","c":"MINUS","d":18446744073709551614}',
  );
});

test('bit fields in the old encoding, inside of an integer type of few bits', () => {
  const b = new BtfBuilder();
  const three = b.int('unsigned int', 4, 0, 3);
  const five = b.int('int', 4, 1, 5, 3);
  const view = recordView(new Uint8Array([0b11110_101, 0xff, 0, 0]));
  const decoder = compile(
    b,
    b.struct('s', 4, [
      ['a', three, 0],
      ['b', five, 0],
    ]),
  );
  assert.equal(decoder.json(view, 0), '{"a":5,"b":-2}');
  assert.deepEqual(
    decoder.columns.map((c) => c.bitfield),
    [
      { offset: 0, size: 3 },
      { offset: 3, size: 5 },
    ],
  );
});

test('types without values are refused by name', () => {
  const b = new BtfBuilder();
  const forward = b.add('fwd', 'opaque', 0);
  const proto = b.add('func_proto', '', 0);
  const odd = b.add('float', 'long double', 16);
  failsWith('SKEP_TYPE_UNSUPPORTED', () => compile(b, 0));
  failsWith('SKEP_TYPE_UNSUPPORTED', () => compile(b, forward));
  failsWith('SKEP_TYPE_UNSUPPORTED', () => compile(b, proto));
  failsWith('SKEP_TYPE_UNSUPPORTED', () => compile(b, b.struct('s', 8, [['o', forward, 0]])));
  assert.equal(compile(b, odd).json(recordView(new Uint8Array(16)), 0), '{"value":null}');
});

test('types that contradict themselves are refused, and none hangs', () => {
  const b = new BtfBuilder();
  const u32 = b.int('unsigned int', 4);
  failsWith('SKEP_BTF_INVALID', () => compile(b, b.struct('past the end', 4, [['a', u32, 8]])));
  failsWith('SKEP_BTF_INVALID', () => compile(b, b.struct('between bytes', 8, [['a', u32, 3]])));
  failsWith('SKEP_BTF_INVALID', () =>
    compile(b, b.struct('too wide', 8, [['a', u32, (33 << 24) | 0]], true)),
  );
  failsWith('SKEP_BTF_INVALID', () => compile(b, b.struct('no such type', 4, [['a', 999, 0]])));
  failsWith('SKEP_BTF_INVALID', () => compile(b, b.int('big', 4, 0, 40)));
  failsWith('SKEP_TYPE_UNSUPPORTED', () => compile(b, b.int('odd', 3, 0, 24)));

  const loop = new BtfBuilder();
  loop.add('typedef', 'a', 2);
  loop.add('typedef', 'b', 1);
  failsWith('SKEP_BTF_INVALID', () => compile(loop, 1));
  const self = new BtfBuilder();
  self.struct('self', 0, [
    ['me', 1, 0],
    ['again', 1, 0],
  ]);
  failsWith('SKEP_TYPE_UNSUPPORTED', () => compile(self, 1));
  const arrays = new BtfBuilder();
  arrays.add('array', '', 0, [1, 1, 2]);
  failsWith('SKEP_TYPE_UNSUPPORTED', () => compile(arrays, 1));
  failsWith('SKEP_BTF_INVALID', () => Btf.parse(arrays.bytes()).sizeOf(1));
  const wide = new BtfBuilder();
  const byte = wide.int('unsigned char', 1);
  let type = byte;
  for (let i = 0; i < 20; i++)
    type = wide.struct(`s${i}`, 2 ** i, [
      ['a', type, 0],
      ['b', type, 0],
    ]);
  failsWith('SKEP_TYPE_UNSUPPORTED', () => compile(wide, type));
  const nothing = new BtfBuilder();
  const none = nothing.struct('none', 0, []);
  failsWith('SKEP_TYPE_UNSUPPORTED', () =>
    compile(nothing, nothing.add('array', '', 0, [none, none, 0xffffffff])),
  );
});

test('a struct larger than any record costs nothing until a record is that long', () => {
  const b = new BtfBuilder();
  const u64 = b.int('unsigned long', 8);
  const decoder = compile(
    b,
    b.struct('huge', 0x40000000, [['a', b.add('array', '', 0, [u64, u64, 0x8000000]), 0]]),
  );
  failsWith('SKEP_RECORD_SHORT', () => decoder.json(recordView(new Uint8Array(64)), 0, 64));
  failsWith('SKEP_TYPE_UNSUPPORTED', () => decoder.keyLayout());
});

test('members that share one long name cost no memory', () => {
  const b = new BtfBuilder();
  const u8 = b.int('unsigned char', 1);
  const name = b.name('a'.repeat(4000));
  const members = Array.from({ length: 60_000 }, (_, i) => [name + (i % 4000), u8, 0]).flat();
  const struct = b.add('union', 'many', 1, members, 60_000);
  failsWith('SKEP_BTF_INVALID', () => Btf.parse(b.bytes()).type(struct));
});

test('an 8-byte enum of a clang before 15, whose constants have lost their upper half, stays a number', () => {
  const b = new BtfBuilder();
  // enum { BIG = 0x100000000, ZERO = 0 } as clang 14 wrote it.
  const old = b.add('enum', 'old', 8, [b.name('BIG'), 0, b.name('ZERO'), 0], 2);
  const struct = b.struct('s', 16, [
    ['a', old, 0],
    ['b', old, 64],
  ]);
  const view = recordView(new Uint8Array(16));
  view.dv.setBigUint64(8, 2n ** 32n, true);
  assert.equal(compile(b, struct).json(view, 0), '{"a":0,"b":4294967296}');
});

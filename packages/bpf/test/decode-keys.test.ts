import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Btf } from '../src/btf/btf.ts';
import { compileDecoder } from '../src/decode/compile.ts';
import { RawKeyTable } from '../src/decode/raw-key-table.ts';
import { recordView } from '../src/decode/record-view.ts';
import { Elf } from '../src/elf/elf.ts';
import { BpfError } from '../src/errors.ts';
import { compileBpf } from './support/clang.ts';

const SOURCE = `
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
struct key { u8 kind; u64 id; char comm[11]; u32 a : 3; u32 b : 6; u16 tail; struct { u8 x; u32 y; } list[2]; u32 le; };
struct mixed { union { char text[8]; u64 number; } u; };
struct tiny { u8 a; u8 b; u8 c; };
struct key k; struct mixed m; struct tiny t;
`;
const btf = Btf.fromElf(Elf.parse(compileBpf(SOURCE).bytes));
const decoderOf = (name: string) => compileDecoder(btf, btf.find(name, 'struct')!.id);
const decoder = decoderOf('key');

interface Key {
  kind: number;
  id: number;
  comm: string;
  a: number;
  b: number;
  tail: number;
  x: number;
  le: number;
}

/** Bytes of a key over a background of garbage, as an uninitialised stack would leave it. */
function write(bytes: Uint8Array, at: number, key: Key, garbage: number): void {
  const { dv } = recordView(bytes);
  const record = bytes.subarray(at, at + decoder.size);
  record.fill(garbage);
  const place = (name: string) => at + decoder.columns.find((c) => c.name === name)!.offset;
  record[0] = key.kind;
  dv.setBigUint64(place('id'), BigInt(key.id), true);
  bytes.set(Buffer.from(`${key.comm}\0`).subarray(0, 11), place('comm'));
  for (const name of ['a', 'b'] as const) {
    const { offset, size } = decoder.columns.find((c) => c.name === name)!.bitfield!;
    const word = dv.getUint16(at + (offset >> 3), true);
    const mask = ((1 << size) - 1) << (offset & 7);
    dv.setUint16(at + (offset >> 3), (word & ~mask) | (key[name] << (offset & 7)), true);
  }
  dv.setUint16(place('tail'), key.tail, true);
  for (let i = 0; i < 2; i++) {
    const element = place('list') + i * 8;
    bytes[element] = key.x;
    dv.setUint32(element + 4, key.x + i, true);
  }
  dv.setUint32(place('le'), key.le, true);
}

const keys = fc.record({
  kind: fc.integer({ min: 0, max: 2 }),
  id: fc.constantFrom(0, 1, 2 ** 40),
  comm: fc.constantFrom('', 'a', 'abc', 'abcd', 'abcdefghijk', 'abcdefghijl'),
  a: fc.integer({ min: 0, max: 7 }),
  b: fc.constantFrom(0, 63),
  tail: fc.constantFrom(0, 65535),
  x: fc.integer({ min: 0, max: 1 }),
  le: fc.integer({ min: 0, max: 100 }),
});

// Each key comes again with other garbage around it.
const twice = fc
  .array(fc.tuple(keys, fc.nat({ max: 255 }), fc.nat({ max: 255 })), { maxLength: 100 })
  .map((list) => [
    ...list.map(([key, g]) => [key, g] as const),
    ...list.map(([key, , g]) => [key, g] as const),
  ]);

test('keys are told apart by their fields alone, against a Map of decoded texts', () => {
  fc.assert(
    fc.property(twice, (records) => {
      const bytes = new Uint8Array((decoder.size + 3) * records.length);
      const table = new RawKeyTable(decoder.keyLayout(['le']), 1000);
      const model = new Map<string, number>();
      const view = recordView(bytes);
      records.forEach(([key, garbage], i) => {
        const at = i * (decoder.size + 3);
        write(bytes, at, key, garbage);
        const text = JSON.stringify({ ...key, le: 0 });
        assert.equal(table.find(view, at), model.get(text) ?? -1);
        if (!model.has(text)) model.set(text, model.size);
        assert.equal(table.slot(view, at), model.get(text));
        const kept = decoder.decode(table.keys, table.offset(model.get(text)!));
        assert.deepEqual(kept, { ...decoder.decode(view, at), le: 0 });
      });
      assert.equal(table.size, model.size);
    }),
    { numRuns: 60 },
  );
});

test('inserting, deleting and looking up behave as a Map does', () => {
  const tiny = decoderOf('tiny');
  const step = fc.tuple(fc.constantFrom('slot', 'slot', 'delete', 'find'), fc.nat({ max: 59 }));
  // Other keys in each run, so that they collide in other ways.
  const pool = fc.uniqueArray(fc.nat({ max: 0xffffff }), { minLength: 60, maxLength: 60 });
  const three = (key: number) => [key & 255, (key >> 8) & 255, key >> 16];
  fc.assert(
    fc.property(pool, fc.array(step, { size: 'max', maxLength: 600 }), (keys, steps) => {
      const table = new RawKeyTable(tiny.keyLayout(), 40);
      const model = new Map<number, number>();
      const view = recordView(new Uint8Array(3));
      for (const [what, which] of steps) {
        const key = keys[which]!;
        view.u8.set(three(key));
        if (what === 'find') assert.equal(table.find(view, 0), model.get(key) ?? -1);
        else if (what === 'delete') {
          const slot = table.find(view, 0);
          assert.equal(table.delete(slot), model.delete(key));
        } else {
          const slot = table.slot(view, 0);
          if (model.has(key)) assert.equal(slot, model.get(key));
          else if (model.size >= 40) assert.equal(slot, -1);
          else {
            assert.ok(slot >= 0 && slot < 40 && ![...model.values()].includes(slot), 'a slot nobody has');
            model.set(key, slot);
          }
        }
        assert.equal(table.size, model.size);
      }
      for (const [key, slot] of model) {
        assert.deepEqual(Object.values(tiny.decode(table.keys, table.offset(slot))), three(key));
      }
    }),
    { numRuns: 200 },
  );
});

test('many keys: slots are dense and all are found again', () => {
  const tiny = decoderOf('tiny');
  const table = new RawKeyTable(tiny.keyLayout(), 50_000);
  const view = recordView(new Uint8Array(3));
  const fill = (i: number) => view.u8.set([i & 255, (i >> 8) & 255, i >> 16]);
  for (let i = 0; i < 60_000; i++) {
    fill(i);
    assert.equal(table.slot(view, 0), i < 50_000 ? i : -1);
  }
  for (let i = 0; i < 60_000; i++) {
    fill(i);
    assert.equal(table.find(view, 0), i < 50_000 ? i : -1);
  }
});

test('a table that is given room in steps has the same keys in the same slots, whatever happens between', () => {
  const tiny = decoderOf('tiny');
  const stepped = new RawKeyTable(tiny.keyLayout(), Number.POSITIVE_INFINITY);
  const plain = new RawKeyTable(tiny.keyLayout(), Number.POSITIVE_INFINITY);
  const view = recordView(new Uint8Array(3));
  let unfinished = 0;
  for (let i = 0; i < 40_000; i++) {
    view.u8.set([i & 255, (i >> 8) & 255, i >> 16]);
    while (i % 64 === 0 && !stepped.makeRoom(64, 500)) {
      unfinished++;
      assert.equal(stepped.size, plain.size);
      // Half-made room is given up when the table changes under it.
      if (unfinished % 50 === 0) for (const table of [stepped, plain]) table.delete(unfinished);
    }
    assert.equal(stepped.slot(view, 0), plain.slot(view, 0));
  }
  assert.ok(unfinished > 100);
  for (let i = 0; i < 40_000; i++) {
    view.u8.set([i & 255, (i >> 8) & 255, i >> 16]);
    assert.equal(stepped.find(view, 0), plain.find(view, 0));
  }
});

test('where a text shares its bytes with a number, all bytes count', () => {
  const mixed = decoderOf('mixed');
  const table = new RawKeyTable(mixed.keyLayout(), 10);
  const view = recordView(new Uint8Array([65, 0, 1, 0, 0, 0, 0, 0, 65, 0, 2, 0, 0, 0, 0, 0]));
  assert.deepEqual([table.slot(view, 0), table.slot(view, 8), table.slot(view, 0)], [0, 1, 0]);
});

test('a record outside of its buffer is refused', () => {
  const table = new RawKeyTable(decoder.keyLayout(), 10);
  const view = recordView(new Uint8Array(decoder.size));
  assert.equal(table.slot(view, 0), 0);
  for (const at of [1, -1, Number.NaN]) {
    assert.throws(
      () => table.slot(view, at),
      (e: unknown) => e instanceof BpfError && e.code === 'SKEP_RECORD_SHORT',
    );
  }
});

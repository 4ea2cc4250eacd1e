import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Btf } from '../src/btf/btf.ts';
import { compileDecoder } from '../src/decode/compile.ts';
import { recordView } from '../src/decode/record-view.ts';
import type { Decoder } from '../src/decode/types.ts';
import { stringify } from '../src/decode/write-text.ts';
import { Elf } from '../src/elf/elf.ts';
import { oracleObject, oracleRecords } from './support/oracle.ts';

const btf = Btf.fromElf(Elf.parse(oracleObject()));
const records = oracleRecords();
const decoderOf = (struct: string): Decoder => compileDecoder(btf, btf.find(struct, 'struct')!.id);

/** The record in the middle of other bytes, which a reader of wrong offsets would show. */
function placed(bytes: Uint8Array) {
  const buffer = new Uint8Array(bytes.length + 64).fill(0x5a);
  buffer.set(bytes, 32);
  return { view: recordView(buffer), offset: 32, length: bytes.length };
}

for (const [i, record] of records.entries()) {
  test(`${record.struct} (${i}) decodes to what C printed`, () => {
    const decoder = decoderOf(record.struct);
    const { view, offset, length } = placed(record.bytes);
    assert.equal(decoder.json(view, offset, length), record.json);
    assert.equal(stringify(decoder.decode(view, offset, length)), record.json);
    const out = recordView(new Uint8Array(decoder.maxJsonBytes(length) + 7));
    const end = decoder.jsonInto(out, 7, view, offset, length);
    assert.equal(Buffer.from(out.u8.subarray(7, end)).toString(), record.json);
    assert.equal(decoder.jsonInto(out, 8, view, offset, length), -1, 'one byte less than it may need');
  });
}

test('every struct of the oracle was compared', () => {
  assert.equal(new Set(records.map((r) => r.struct)).size, 16);
});

test('values have the types that are promised', () => {
  const get = (struct: string) => {
    const { view, offset, length } = placed(records.find((r) => r.struct === struct)!.bytes);
    return decoderOf(struct).decode(view, offset, length);
  };
  const numbers = get('numbers');
  assert.equal(numbers.limit, Number.MAX_SAFE_INTEGER);
  assert.equal(numbers.over, 9007199254740993n);
  assert.equal(numbers.negover, -9007199254740993n);
  assert.equal(get('wide').a, -1n);
  assert.ok(Number.isNaN(get('floats').nan));
  assert.equal(Array.isArray(get('arrays').p), true);
});

test('32-bit floats have for people the digits they were written with', () => {
  const decoder = decoderOf('floats');
  const view = recordView(new Uint8Array(decoder.size));
  const quarter = decoder.columns.findIndex((c) => c.name === 'quarter');
  for (const value of [0.1, -3.4028235e38, 16777216, 1.1754944e-38, 0, 2.5e-7, Number.NaN]) {
    view.dv.setFloat32(decoder.columns[quarter]!.offset, value, true);
    assert.equal(decoder.text(quarter, view, 0), String(value));
    assert.equal(decoder.column(quarter)(view, 0), Math.fround(value));
  }
});

test('a text cannot give orders to the terminal that its JSON is shown on', () => {
  const decoder = decoderOf('texts');
  const column = decoder.columns.find((c) => c.kind === 'char[]' && c.size >= 8)!;
  const view = recordView(new Uint8Array(decoder.size));
  view.u8.set([0x1b, 0x5b, 0x7f, 0xc2, 0x9b, 0x32, 0x4a], column.offset);
  const json = decoder.json(view, 0);
  assert.ok(json.includes('"\\u001b[\\u007f\\u009b2J"'), json);
  const out = recordView(new Uint8Array(decoder.maxJsonBytes(decoder.size)));
  const end = decoder.jsonInto(out, 0, view, 0, decoder.size);
  assert.equal(Buffer.from(out.u8.subarray(0, end)).toString(), json);
  assert.equal(stringify(decoder.decode(view, 0)), json);
  view.u8.fill(0x7f, column.offset, column.offset + column.size);
  assert.ok(decoder.jsonInto(out, 0, view, 0, decoder.size) > 0, 'there is room for all of it');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BtfEditor } from '../src/foreign/btf-edit.ts';

const words = (...numbers: number[]): Buffer => {
  const out = Buffer.alloc(numbers.length * 4);
  for (const [i, n] of numbers.entries()) out.writeUInt32LE(n, i * 4);
  return out;
};

const MAGIC = 0x0001eb9f;
const strings = Buffer.from('\0theirs\0mine\0one\0two\0');
const at = (name: string): number => strings.indexOf(`\0${name}\0`) + 1;
/** Two structs without members: 1 is called theirs, 2 mine. */
const types = words(at('theirs'), 4 << 24, 0, at('mine'), 4 << 24, 0);
const btf = Buffer.concat([words(MAGIC, 24, 0, types.length, types.length, strings.length), types, strings]);

/** Relocations by section: where, of which type. */
function btfExt(...sections: [name: string, records: [offset: number, type: number][]][]): Buffer {
  const table = Buffer.concat([
    words(16),
    ...sections.map(([name, records]) =>
      words(at(name), records.length, ...records.flatMap(([offset, type]) => [offset, type, 0, 0])),
    ),
  ]);
  return Buffer.concat([words(MAGIC, 32, 0, 0, 0, 0, 0, table.length), table]);
}

test('relocations of a struct go, those of others stay, and no section stays without one', () => {
  const ext = btfExt(
    [
      'one',
      [
        [8, 1],
        [16, 2],
        [24, 1],
      ],
    ],
    ['two', [[8, 1]]],
  );
  assert.equal(new BtfEditor(btf).dropRelocations(ext, /^theirs$/), true);
  const left = btfExt(['one', [[16, 2]]]);
  assert.deepEqual(ext.subarray(0, left.length), left);

  const all = btfExt(['two', [[8, 1]]]);
  assert.equal(new BtfEditor(btf).dropRelocations(all, /^theirs$/), true);
  assert.equal(all.readUInt32LE(28), 0, 'no table at all');

  const none = btfExt(['two', [[8, 2]]]);
  assert.equal(new BtfEditor(btf).dropRelocations(none, /^theirs$/), false);
  assert.deepEqual(none, btfExt(['two', [[8, 2]]]), 'nothing is touched');
});

test('a table that contradicts itself takes no memory and does not fail', () => {
  const sound = btfExt(['one', [[8, 1]]], ['two', [[8, 2]]]);
  for (let length = 0; length < sound.length; length++)
    new BtfEditor(btf).dropRelocations(Buffer.from(sound.subarray(0, length)), /^theirs$/);
  for (let word = 1; word < sound.length / 4; word++) {
    for (const value of [0, 1, 4, 0x7fffffff, 0xffffffff]) {
      const forged = Buffer.from(sound);
      forged.writeUInt32LE(value, word * 4);
      new BtfEditor(btf).dropRelocations(forged, /^theirs$/);
    }
  }
});

/** Which instructions the verifier walks, of code put together by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Code, reach } from '../src/index.ts';

type Line = readonly [opcode: number, registers: number, offset: number, immediate: number];

const move = (destination: number, immediate: number): Line => [0xb7, destination, 0, immediate];
const callFunction = (immediate: number): Line => [0x85, 0x10, 0, immediate];
const ifEqual = (register: number, immediate: number, offset: number): Line => [
  0x15,
  register,
  offset,
  immediate,
];
const call = (helper: number): Line => [0x85, 0, 0, helper];
const EXIT: Line = [0x95, 0, 0, 0];

function assemble(lines: readonly Line[]): Uint8Array {
  const bytes = new Uint8Array(lines.length * 8);
  const dv = new DataView(bytes.buffer);
  lines.forEach(([opcode, registers, offset, immediate], i) => {
    dv.setUint8(i * 8, opcode);
    dv.setUint8(i * 8 + 1, registers);
    dv.setInt16(i * 8 + 2, offset, true);
    dv.setInt32(i * 8 + 4, immediate, true);
  });
  return bytes;
}

function codeOf(lines: readonly Line[]): Code {
  const bytes = assemble(lines);
  return {
    bytes: (section) => (section === '.text' ? bytes : undefined),
    callee: ({ section, at }, ins) => ({ section, at: at + (ins.immediate + 1) * 8, global: false }),
    callback: () => undefined,
    constantData: () => undefined,
    pointer: () => undefined,
    uncertain: () => false,
    extern: () => undefined,
    plainContext: true,
  };
}

const at = (number: number) => ({ section: '.text', at: number * 8 });

/** `if (argument == 1) guarded; return`: 5 instructions, of which the fourth is guarded. */
const guarding: readonly Line[] = [ifEqual(1, 1, 2), move(0, 0), EXIT, call(6), EXIT];

test('a function is told apart by what each program calls it with', () => {
  const code = codeOf([move(1, 1), callFunction(4), EXIT, move(1, 2), callFunction(1), EXIT, ...guarding]);
  const guarded = at(9);
  assert.equal(reach(code, at(0))(guarded), 'surely');
  assert.equal(reach(code, at(3))(guarded), 'never');
  assert.equal(reach(code, at(3))(at(7)), 'surely', 'the other way of the same function');
  assert.equal(reach(code, at(0))(at(7)), 'never');
  // A function that may be begun at for itself has arguments of which nobody knows anything.
  assert.equal(reach(code, at(3), [at(6)])(guarded), 'perhaps');
});

test('a function that is called with very many arguments is taken for called with any', () => {
  const calls = (first: number, count: number): Line[] =>
    Array.from({ length: count }, (_, i) => [
      move(1, first + i),
      callFunction((count - 1 - i) * 2 + 1),
    ]).flat() as Line[];
  const few = codeOf([...calls(2, 3), EXIT, ...guarding]);
  assert.equal(reach(few, at(0))(at(10)), 'never');
  const many = codeOf([...calls(2, 30), EXIT, ...guarding]);
  assert.equal(reach(many, at(0))(at(64)), 'perhaps');
});

test('a jump past the end and code that ends in the middle of an instruction lead nowhere', () => {
  const code = codeOf([ifEqual(1, 1, 100), [0x18, 1, 0, 0]]);
  assert.equal(reach(code, at(0))(at(0)), 'surely');
  assert.equal(reach(code, at(0))(at(101)), 'never');
  assert.equal(reach(code, { section: 'other', at: 0 })(at(0)), 'never');
});

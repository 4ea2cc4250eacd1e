// Whether every way out of a program returns a number that passes, of code put together by hand.
import { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { ElfSection } from '@skep/bpf';
import { returnsOnly } from '../src/check/returns-constant.ts';
import type { Code, Instruction } from '../src/effects/code.ts';

type Line = readonly [opcode: number, dst?: number, src?: number, off?: number, imm?: number];

const returns = (imm: number): Line => [0xb7, 0, 0, 0, imm];
const EXIT: Line = [0x95];
/** `if (r1 == 0)` skip so many instructions. */
const unless = (off: number): Line => [0x15, 1, 0, off, 0];

function codeOf(lines: readonly Line[]): Code {
  const instructions = new Map<number, Instruction>();
  lines.forEach(([opcode, dst = 0, src = 0, off = 0, imm = 0], i) => {
    instructions.set(i * 8, { offset: i * 8, opcode, dst, src, off, imm, high: 0 });
  });
  const section = {} as ElfSection;
  return { section, name: 'by_hand', instructions, start: 0, joins: new Set() };
}

for (const [what, lines, wanted] of [
  ['a number', [returns(0), EXIT], true],
  ['one that does not pass', [returns(1), EXIT], false],
  ['32 bits of one', [[0xb4, 0, 0, 0, 0], EXIT], true],
  ['nothing', [EXIT], false],
  ['a number on one way, another on the other', [returns(0), unless(1), returns(1), EXIT], false],
  ['the same number on both ways', [unless(2), returns(0), EXIT, returns(0), EXIT], true],
  ['no number on one way', [unless(1), returns(0), EXIT], false],
  ['what a helper gives', [returns(0), [0x85, 0, 0, 0, 5], EXIT], false],
  ['a copy of a register', [returns(0), [0xbf, 0, 6], EXIT], false],
  ['a number that is added to', [returns(0), [0x07, 0, 0, 0, 1], EXIT], false],
  ['what was loaded', [returns(0), [0x79, 0, 1], EXIT], false],
  ['what a packet has (the old loads)', [returns(0), [0x30, 1], EXIT], false],
  ['a number, after a store', [returns(0), [0x7b, 10, 1, -8], EXIT], true],
  ['what an atomic operation brings back', [returns(0), [0xdb, 10, 0, -8, 1], EXIT], false],
  ['a number, round a loop', [returns(0), [0x07, 1, 0, 0, 1], unless(-2), EXIT], true],
  ['what a loop changes', [returns(0), unless(2), [0x07, 0, 0, 0, 1], [0x05, 0, 0, -3], EXIT], false],
  ['nobody knows what: it runs on past its end', [returns(0)], false],
] as const satisfies readonly (readonly [string, readonly Line[], boolean])[])
  test(`a program returns ${what}`, () => {
    strictEqual(
      returnsOnly(codeOf(lines), (n) => n === 0n),
      wanted,
    );
  });

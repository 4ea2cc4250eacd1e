import { branchTarget, type Code, type Instruction } from '../effects/code.ts';

const CALL = 0x80;
const EXIT = 0x90;
const JUMP = 0x05;
const JUMP_FAR = 0x06;
/** `r0 = NUMBER`, of 64 and of 32 bits. */
const MOVES: ReadonlySet<number> = new Set([0xb7, 0xb4]);

/**
 * Whether every way out of a program ends with a number in r0 that its own code puts there as it stands, and that passes.
 * Most programs are so, and a look at r0 alone tells it in a hundredth of the time that following all registers takes.
 */
export function returnsOnly(code: Code, passes: (n: bigint) => boolean): boolean {
  const known = new Map<number, boolean>();
  const work: [at: number, good: boolean][] = [[code.start, false]];
  for (let next = work.pop(); next; next = work.pop()) {
    const [at, good] = next;
    const before = known.get(at);
    const now = before === undefined ? good : before && good;
    const one = code.instructions.get(at);
    if (!one) return false;
    if (now === before) continue;
    known.set(at, now);
    const jumps = (one.opcode & 7) === 5 || (one.opcode & 7) === 6;
    if (jumps && (one.opcode & 0xf0) === EXIT) {
      // What is known at a place only shrinks.
      if (!now) return false;
      continue;
    }
    const then = after(one, now, passes);
    const target = branchTarget(one);
    if (target !== undefined) work.push([target, then]);
    if (one.opcode !== JUMP && one.opcode !== JUMP_FAR)
      work.push([at + (one.opcode === 0x18 ? 16 : 8), then]);
  }
  return true;
}

/** Whether r0 has such a number after an instruction. */
function after(one: Instruction, before: boolean, passes: (n: bigint) => boolean): boolean {
  const { opcode, dst, off, imm } = one;
  const kind = opcode & 7;
  if (kind === 5 || kind === 6) return before && !(kind === 5 && (opcode & 0xf0) === CALL);
  // Stores leave registers alone, but atomic ones may bring back what was there.
  if (kind === 2 || kind === 3) return before && (opcode & 0xe0) !== 0xc0;
  // The old loads from packets have no register in them, and write r0.
  if (dst !== 0) return before && !(kind === 0 && opcode !== 0x18);
  return MOVES.has(opcode) && off === 0 && passes(opcode === 0xb4 ? BigInt(imm >>> 0) : BigInt(imm));
}

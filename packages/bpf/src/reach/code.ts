import {
  CALL,
  CLASS,
  EXIT,
  type Instruction,
  instructionAt,
  JUMP_ALWAYS_FAR,
  lengthOf,
} from './instruction.ts';
import type { World } from './machine.ts';

/** A place in the object's code. */
export interface Place {
  readonly section: string;
  /** Byte. */
  readonly at: number;
}

/** The code of an object, relocated. What was found out of its functions is kept as long as this object lives. */
export interface Code extends World {
  bytes(section: string): Uint8Array | undefined;
  /** Where a call of a function of the object goes, and whether that function is global; undefined when unclear. */
  callee(place: Place, ins: Instruction): (Place & { global: boolean }) | undefined;
  /** A function whose address a 64-bit constant takes: a callback. */
  callback(place: Place): Place | undefined;
}

/** A section's instructions by number, and the bytes that jumps lead to. */
export interface Decoded {
  readonly instructions: readonly (Instruction | undefined)[];
  readonly targets: ReadonlySet<number>;
}

/** Reads of a changed copy of a section only the instructions that changed, none of them a jump. */
export function decodeChanged(bytes: Uint8Array, before: Uint8Array, changed: Iterable<number>): void {
  const { instructions, targets } = decodedBytes(before);
  const now = instructions.slice();
  for (const at of changed) if (now[at >> 3]) now[at >> 3] = instructionAt(bytes, at);
  known.set(bytes, { instructions: now, targets });
}

const EMPTY: Decoded = { instructions: [], targets: new Set() };
const known = new WeakMap<Uint8Array, Decoded>();

/** Reads a section once for all programs that walk it. */
export function decoded(code: Code, section: string): Decoded {
  const bytes = code.bytes(section);
  if (!bytes) return EMPTY;
  return decodedBytes(bytes);
}

/** A section's instructions by number, read once for these bytes; the second half of a 64-bit constant is undefined. */
export function instructionsIn(bytes: Uint8Array): readonly (Instruction | undefined)[] {
  return decodedBytes(bytes).instructions;
}

function decodedBytes(bytes: Uint8Array): Decoded {
  const found = known.get(bytes) ?? decode(bytes);
  known.set(bytes, found);
  return found;
}

function decode(bytes: Uint8Array): Decoded {
  const instructions = new Array<Instruction | undefined>(bytes.length >> 3).fill(undefined);
  const targets = new Set<number>();
  for (let at = 0; at < bytes.length; ) {
    const ins = instructionAt(bytes, at);
    if (!ins) break;
    instructions[at >> 3] = ins;
    at += lengthOf(ins.opcode);
    const kind = ins.opcode & 7;
    if ((kind === CLASS.jmp || kind === CLASS.jmp32) && ins.opcode !== CALL && ins.opcode !== EXIT)
      targets.add(targetOf(ins, at));
  }
  return { instructions, targets };
}

/** Where a jump leads when it is taken; `next` is the byte behind it. */
export function targetOf(ins: Instruction, next: number): number {
  return next + (ins.opcode === JUMP_ALWAYS_FAR ? ins.immediate : ins.offset) * 8;
}

/** One instruction (Documentation/bpf/standardization/instruction-set.rst). A 64-bit constant counts as one. */
export interface Instruction {
  readonly opcode: number;
  readonly destination: number;
  readonly source: number;
  readonly offset: number;
  /** 32 bits, signed. */
  readonly immediate: number;
  /** The high half of a 64-bit constant, else 0. */
  readonly high: number;
}

export const LD_IMM64 = 0x18;
export const CALL = 0x85;
export const EXIT = 0x95;
export const JUMP_ALWAYS = 0x05;
export const JUMP_ALWAYS_FAR = 0x06;
export const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const;
/** What `source` of a call or of a 64-bit constant means (BPF_PSEUDO_*). */
export const PSEUDO = { call: 1, kfunc: 2, func: 4 } as const;

/** The instruction that begins at a byte; undefined past the end. */
export function instructionAt(code: Uint8Array, at: number): Instruction | undefined {
  if (at < 0 || at + 8 > code.length) return undefined;
  const opcode = code[at]!;
  const wide = opcode === LD_IMM64;
  if (wide && at + 16 > code.length) return undefined;
  return {
    opcode,
    destination: code[at + 1]! & 15,
    source: code[at + 1]! >> 4,
    // Not by a DataView: to make one takes as long as all the rest.
    offset: ((code[at + 2]! | (code[at + 3]! << 8)) << 16) >> 16,
    immediate: int32(code, at + 4),
    high: wide ? int32(code, at + 12) : 0,
  };
}

function int32(code: Uint8Array, at: number): number {
  return code[at]! | (code[at + 1]! << 8) | (code[at + 2]! << 16) | (code[at + 3]! << 24);
}

/** Bytes to the next instruction. */
export function lengthOf(opcode: number): number {
  return opcode === LD_IMM64 ? 16 : 8;
}

/** Bytes that a load or store moves. */
export function accessSize(opcode: number): number {
  return [4, 2, 1, 8][(opcode >> 3) & 3]!;
}

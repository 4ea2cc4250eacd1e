import type { Resolution } from './resolve.ts';

const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, alu64: 7 } as const;
const LD_IMM64 = 0x18;
/** BPF_W, BPF_H, BPF_B, BPF_DW in bytes, by bits 3 and 4 of the opcode. */
const SIZES = [4, 2, 1, 8];

/** What {@link patchInstruction} did: nothing more to say, or the instruction became invalid, or libbpf would stop. */
export type Patched =
  | { readonly state: 'patched' }
  | { readonly state: 'invalid' | 'error'; readonly reason: string };

/**
 * Puts the answer of a relocation into its instruction, as libbpf does. What becomes invalid is left as it is: the
 * caller must not take it for code.
 */
export function patchInstruction(code: Uint8Array, resolution: Resolution): Patched {
  const { relocation, subject } = resolution;
  const at = relocation.offset;
  if (at % 8 !== 0 || at + 8 > code.length) return error('lies outside of its section');
  if (resolution.state === 'error') return { state: 'error', reason: resolution.reason };
  if (resolution.state === 'absent') return { state: 'invalid', reason: resolution.reason };
  const { value, expected, size, localSize, misfit } = resolution;
  const dv = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const opcode = code[at]!;
  switch (opcode & 7) {
    case CLASS.alu:
    case CLASS.alu64:
      if ((opcode & 8) !== 0) return error('takes a register');
      if (expected !== undefined && dv.getUint32(at + 4, true) !== Number(expected & 0xffffffffn))
        return error('does not hold what the compiler says');
      dv.setUint32(at + 4, Number(value & 0xffffffffn), true);
      return { state: 'patched' };
    case CLASS.ldx:
    case CLASS.st:
    case CLASS.stx:
      if (expected !== undefined && BigInt(dv.getInt16(at + 2, true)) !== expected)
        return error('does not hold what the compiler says');
      if (value > 0x7fffn)
        return { state: 'error', reason: `${subject} lies too far from the start of its type to be read so` };
      if (misfit)
        return {
          state: 'invalid',
          reason: `${subject} has ${size} bytes in the kernel, and the program reads ${localSize}`,
        };
      dv.setInt16(at + 2, Number(value), true);
      return size === localSize ? { state: 'patched' } : resize(code, at, size, localSize);
    case CLASS.ld: {
      if (opcode !== LD_IMM64 || at + 16 > code.length) return error('is no 64-bit constant');
      const held = BigInt(dv.getUint32(at + 4, true)) | (BigInt(dv.getUint32(at + 12, true)) << 32n);
      if (expected !== undefined && held !== expected) return error('does not hold what the compiler says');
      dv.setUint32(at + 4, Number(value & 0xffffffffn), true);
      dv.setUint32(at + 12, Number((value >> 32n) & 0xffffffffn), true);
      return { state: 'patched' };
    }
    default:
      return error('is of a kind that has nothing to relocate');
  }

  function error(what: string): Patched {
    return {
      state: 'error',
      reason: `the instruction for ${subject} at byte ${at} of ${relocation.section} ${what}`,
    };
  }

  function resize(bytes: Uint8Array, start: number, to: number, from: number): Patched {
    const mode = SIZES.indexOf(to);
    if (SIZES[(opcode >> 3) & 3] !== from || mode < 0)
      return error(`reads ${from} bytes, and the kernel's field has ${to}`);
    bytes[start] = (opcode & 0xe7) | (mode << 3);
    return { state: 'patched' };
  }
}

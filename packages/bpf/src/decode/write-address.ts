import type { FormatSpec } from './types.ts';
import { writeU32 } from './write-numbers.ts';

/** Writes the four bytes of an IPv4 address (network order, as in struct sock) as `"10.0.0.1"`. */
export const ipv4JsonInto: NonNullable<FormatSpec['jsonInto']> = {
  maxBytes: 17,
  write(out, position, view, offset) {
    const { u8, dv } = out;
    const from = view.u8;
    u8[position] = 34;
    let p = writeU32(dv, position + 1, from[offset]!);
    u8[p] = 46;
    p = writeU32(dv, p + 1, from[offset + 1]!);
    u8[p] = 46;
    p = writeU32(dv, p + 1, from[offset + 2]!);
    u8[p] = 46;
    p = writeU32(dv, p + 1, from[offset + 3]!);
    u8[p] = 34;
    return p + 1;
  },
};

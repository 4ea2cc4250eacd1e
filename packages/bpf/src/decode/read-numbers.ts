/** Unsigned 64 bits: a number while exact, else a bigint. */
export function readU64(dv: DataView, at: number): number | bigint {
  const high = dv.getUint32(at + 4, true);
  return high < 0x200000 ? high * 0x1_0000_0000 + dv.getUint32(at, true) : dv.getBigUint64(at, true);
}

/** The same with the most significant byte first. */
export function readBe64(dv: DataView, at: number): number | bigint {
  const high = dv.getUint32(at);
  return high < 0x200000 ? high * 0x1_0000_0000 + dv.getUint32(at + 4) : dv.getBigUint64(at);
}

/** Signed 64 bits: a number while exact, else a bigint. */
export function readI64(dv: DataView, at: number): number | bigint {
  const high = dv.getInt32(at + 4, true);
  // -2^53 itself is exact, but not a safe integer; the bounds leave it to bigint.
  if (high < 0x200000 && high >= -0x1fffff) return high * 0x1_0000_0000 + dv.getUint32(at, true);
  const exact = dv.getBigInt64(at, true);
  const value = Number(exact);
  return Number.isSafeInteger(value) ? value : exact;
}

export function readU128(dv: DataView, at: number): bigint {
  return (dv.getBigUint64(at + 8, true) << 64n) | dv.getBigUint64(at, true);
}

export function readI128(dv: DataView, at: number): bigint {
  return (dv.getBigInt64(at + 8, true) << 64n) | dv.getBigUint64(at, true);
}

/** A pointer as C prints it: `0xffff888012345678`. */
export function readPointer(dv: DataView, at: number): string {
  const high = dv.getUint32(at + 4, true);
  const low = dv.getUint32(at, true).toString(16);
  return high === 0 ? `0x${low}` : `0x${high.toString(16)}${low.padStart(8, '0')}`;
}

/** A bit field that reaches over more than 32 bits, from bit `bit` of byte `at`. */
export function readWideBits(
  u8: Uint8Array,
  at: number,
  bit: number,
  width: number,
  signed: boolean,
): number | bigint {
  let raw = 0n;
  for (let i = Math.ceil((bit + width) / 8) - 1; i >= 0; i--) raw = (raw << 8n) | BigInt(u8[at + i]!);
  raw >>= BigInt(bit);
  const exact = signed ? BigInt.asIntN(width, raw) : BigInt.asUintN(width, raw);
  const value = Number(exact);
  return Number.isSafeInteger(value) ? value : exact;
}

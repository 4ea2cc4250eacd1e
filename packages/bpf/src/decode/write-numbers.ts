/** Two digits at a time: "00" to "99" as little-endian pairs of ASCII. */
const PAIRS = new Uint16Array(100);
for (let i = 0; i < 100; i++) PAIRS[i] = (48 + Math.floor(i / 10)) | ((48 + (i % 10)) << 8);

/** Writes an unsigned 32-bit number in decimal at `p`; returns the position after it, as all writers here do. */
export function writeU32(dv: DataView, p: number, value: number): number {
  let v = value >>> 0;
  const digits =
    v < 10
      ? 1
      : v < 100
        ? 2
        : v < 1000
          ? 3
          : v < 10000
            ? 4
            : v < 100000
              ? 5
              : v < 1000000
                ? 6
                : v < 10000000
                  ? 7
                  : v < 100000000
                    ? 8
                    : v < 1000000000
                      ? 9
                      : 10;
  let end = p + digits;
  while (v >= 100) {
    const rest = (v / 100) >>> 0;
    end -= 2;
    dv.setUint16(end, PAIRS[v - rest * 100]!, true);
    v = rest;
  }
  if (v >= 10) dv.setUint16(p, PAIRS[v]!, true);
  else dv.setUint8(p, 48 + v);
  return p + digits;
}

export function writeI32(dv: DataView, p: number, value: number): number {
  if (value >= 0) return writeU32(dv, p, value);
  dv.setUint8(p, 45);
  return writeU32(dv, p + 1, -value);
}

/** Exactly eight digits, with leading zeros. */
function writeEight(dv: DataView, p: number, v: number): void {
  const high = (v / 10000) >>> 0;
  const low = v - high * 10000;
  const a = (high / 100) >>> 0;
  const b = (low / 100) >>> 0;
  dv.setUint16(p, PAIRS[a]!, true);
  dv.setUint16(p + 2, PAIRS[high - a * 100]!, true);
  dv.setUint16(p + 4, PAIRS[b]!, true);
  dv.setUint16(p + 6, PAIRS[low - b * 100]!, true);
}

/**
 * Writes an unsigned 64-bit number, given as two halves, without a bigint: long division by 10^8, 16 bits at a
 * time, so that every step stays below 2^53 and is exact.
 */
export function writeU64(dv: DataView, p: number, high: number, low: number): number {
  if (high === 0) return writeU32(dv, p, low);
  const q0 = Math.floor(high / 1e8);
  let rest = high - q0 * 1e8;
  let step = rest * 65536 + (low >>> 16);
  const q1 = Math.floor(step / 1e8);
  rest = step - q1 * 1e8;
  step = rest * 65536 + (low & 0xffff);
  const q2 = Math.floor(step / 1e8);
  rest = step - q2 * 1e8;
  const top = q0 * 0x1_0000_0000 + q1 * 65536 + q2;
  if (top < 1e8) {
    const next = writeU32(dv, p, top);
    writeEight(dv, next, rest);
    return next + 8;
  }
  const first = Math.floor(top / 1e8);
  const next = writeU32(dv, p, first);
  writeEight(dv, next, top - first * 1e8);
  writeEight(dv, next + 8, rest);
  return next + 16;
}

export function writeI64(dv: DataView, p: number, high: number, low: number): number {
  if ((high | 0) >= 0) return writeU64(dv, p, high, low);
  dv.setUint8(p, 45);
  // Two's complement: invert and add one, carrying into the upper half.
  const negatedLow = (~low + 1) >>> 0;
  const negatedHigh = (~high + (negatedLow === 0 ? 1 : 0)) >>> 0;
  return writeU64(dv, p + 1, negatedHigh, negatedLow);
}

const HEX = new Uint8Array([...'0123456789abcdef'].map((c) => c.charCodeAt(0)));

/** A quoted pointer: `"0xffff888012345678"`. */
export function writePointer(dv: DataView, p: number, high: number, low: number): number {
  dv.setUint8(p, 34);
  dv.setUint16(p + 1, 0x7830, true);
  let at = p + 3;
  let started = false;
  for (let shift = 60; shift >= 0; shift -= 4) {
    const digit = shift >= 32 ? (high >>> (shift - 32)) & 15 : (low >>> shift) & 15;
    if (digit === 0 && !started && shift > 0) continue;
    started = true;
    dv.setUint8(at++, HEX[digit]!);
  }
  dv.setUint8(at, 34);
  return at + 1;
}

/**
 * What can be known of a register without running: one of a few numbers (with the instruction each comes from), a
 * pointer to something that matters, or anything else.
 */
export type Known =
  | { readonly kind: 'numbers'; readonly numbers: ReadonlyMap<bigint, number> }
  /** The program's context. */
  | { readonly kind: 'context' }
  /** The packet, or something that may be a pointer into it. */
  | { readonly kind: 'packet' }
  /** The function's own stack at this offset; undefined when that is not known. */
  | { readonly kind: 'stack'; readonly at: number | undefined }
  /** The stack of a function that called this one. */
  | { readonly kind: 'frame' }
  | { readonly kind: 'other' };

export const OTHER: Known = { kind: 'other' };
export const PACKET: Known = { kind: 'packet' };
export const CONTEXT: Known = { kind: 'context' };
export const FRAME: Known = { kind: 'frame' };

/** More numbers than a verdict has are as good as any. */
const MOST = 16;

export function number(value: bigint, offset: number): Known {
  return { kind: 'numbers', numbers: new Map([[BigInt.asUintN(64, value), offset]]) };
}

/** What is known when either of two may be the case. */
export function either(a: Known, b: Known): Known {
  if (a === b || same(a, b)) return a;
  if (a.kind === 'numbers' && b.kind === 'numbers') {
    const numbers = new Map([...b.numbers, ...a.numbers]);
    return numbers.size <= MOST ? { kind: 'numbers', numbers } : OTHER;
  }
  // Whatever may point into packet or context is watched on.
  if ([a.kind, b.kind].some((k) => k === 'packet' || k === 'context')) return PACKET;
  if (a.kind === 'stack' && b.kind === 'stack') return { kind: 'stack', at: undefined };
  if (a.kind === 'frame' || b.kind === 'frame') return FRAME;
  if (a.kind === 'stack' || b.kind === 'stack') return { kind: 'stack', at: undefined };
  return OTHER;
}

export function same(a: Known, b: Known): boolean {
  if (a.kind === 'numbers' && b.kind === 'numbers')
    return a.numbers.size === b.numbers.size && [...a.numbers.keys()].every((n) => b.numbers.has(n));
  if (a.kind === 'stack' && b.kind === 'stack') return a.at === b.at;
  return a.kind === b.kind;
}

/** Arithmetic on two: exact on few numbers, else only as far as pointers are concerned. */
export function arithmetic(op: number, wide: boolean, a: Known, b: Known, offset: number): Known {
  if (a.kind === 'numbers' && b.kind === 'numbers' && a.numbers.size * b.numbers.size <= MOST) {
    const numbers = new Map<bigint, number>();
    for (const x of a.numbers.keys())
      for (const y of b.numbers.keys()) {
        const result = compute(op, wide, x, y);
        if (result === undefined) return OTHER;
        numbers.set(BigInt.asUintN(wide ? 64 : 32, result), offset);
      }
    return { kind: 'numbers', numbers };
  }
  if (a.kind === 'stack' && b.kind === 'numbers' && b.numbers.size === 1 && op === 0x00) {
    const [by] = b.numbers.keys();
    return { kind: 'stack', at: a.at === undefined ? undefined : a.at + Number(BigInt.asIntN(64, by!)) };
  }
  // x & 1 and its like: few numbers, whatever x was.
  if (op === 0x50 && b.kind === 'numbers' && b.numbers.size === 1 && a.kind === 'other') {
    const [mask] = b.numbers.keys();
    if (mask! < BigInt(MOST))
      return { kind: 'numbers', numbers: new Map([...submasks(mask!)].map((n) => [n, offset])) };
  }
  for (const one of [a, b]) {
    if (one.kind === 'packet' || one.kind === 'context') return PACKET;
    if (one.kind === 'frame') return FRAME;
    if (one.kind === 'stack') return { kind: 'stack', at: undefined };
  }
  return OTHER;
}

function* submasks(mask: bigint): Generator<bigint> {
  for (let n = 0n; n <= mask; n++) if ((n & ~mask) === 0n) yield n;
}

function compute(op: number, wide: boolean, x: bigint, y: bigint): bigint | undefined {
  const bits = wide ? 64 : 32;
  const [a, b] = [BigInt.asUintN(bits, x), BigInt.asUintN(bits, y)];
  switch (op) {
    case 0x00:
      return a + b;
    case 0x10:
      return a - b;
    case 0x20:
      return a * b;
    case 0x40:
      return a | b;
    case 0x50:
      return a & b;
    case 0x60:
      return a << (b & BigInt(bits - 1));
    case 0x70:
      return a >> (b & BigInt(bits - 1));
    case 0x80:
      return -a;
    case 0xa0:
      return a ^ b;
    case 0xc0:
      return BigInt.asIntN(bits, a) >> (b & BigInt(bits - 1));
    default:
      return undefined;
  }
}

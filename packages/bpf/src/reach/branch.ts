import { MAX64, type Value } from './value.ts';

/** Which ways a conditional jump can go: `taken` and `not` when that is surely possible, `unsure` when nobody knows. */
export type Ways = { readonly taken: boolean; readonly not: boolean } | 'unsure';

const BOTH: Ways = { taken: true, not: true };

/** BPF_OP of jumps: 1 JEQ, 2 JGT, 3 JGE, 4 JSET, 5 JNE, 6 JSGT, 7 JSGE, 10 JLT, 11 JLE, 12 JSLT, 13 JSLE. */
export function decide(opcode: number, left: Value, right: Value): Ways {
  const operation = opcode >> 4;
  const wide = (opcode & 7) === 5;
  if (left.kind === 'number' && right.kind === 'number') {
    const taken = compare(operation, wide ? 64 : 32, left.value, right.value);
    return taken === undefined ? 'unsure' : { taken, not: !taken };
  }
  if (left.kind === 'any' && right.kind === 'number') return range(operation, wide, left, right.value);
  if (right.kind === 'number' && right.value === 0n && wide && (operation === 1 || operation === 5)) {
    if (left.kind === 'nullable') return BOTH;
    if (left.kind === 'data' || left.kind === 'address' || left.kind === 'stack' || left.kind === 'memory')
      return operation === 1 ? { taken: false, not: true } : { taken: true, not: false };
  }
  // Two numbers of which nobody knows anything: any comparison may go either way.
  if (left.kind === 'any' && right.kind === 'any' && left.root !== right.root && free(left) && free(right))
    return BOTH;
  return 'unsure';
}

function free(v: Value): boolean {
  return v.kind === 'any' && v.low === 0n && v.high >= 0xffn;
}

function range(
  operation: number,
  wide: boolean,
  { low, high }: { low: bigint; high: bigint },
  wanted: bigint,
): Ways {
  if (!wide && high > 0xffff_ffffn) {
    // The low half of a number of which nobody knows anything is such a number, too.
    if (low !== 0n || high !== MAX64) return 'unsure';
    [low, high] = [0n, 0xffff_ffffn];
  }
  const bits = wide ? 64 : 32;
  const value = BigInt.asUintN(bits, wanted);
  const ends = low === 0n && high === (1n << BigInt(bits)) - 1n;
  const can = (test: (n: bigint) => boolean | undefined): Ways => {
    // Every comparison here changes at most around `value` and at the ends of its range.
    const half = 1n << BigInt(bits - 1);
    const tries = [low, high, value - 1n, value, value + 1n, half, half - 1n].filter(
      (n) => n >= low && n <= high,
    );
    const results = tries.map(test);
    if (results.includes(undefined)) return 'unsure';
    return { taken: results.includes(true), not: results.includes(false) };
  };
  // A single bit of a number of which nobody knows anything.
  if (operation === 4) return ends && value !== 0n ? BOTH : 'unsure';
  return can((n) => compare(operation, bits, n, value));
}

function compare(operation: number, bits: number, left: bigint, right: bigint): boolean | undefined {
  const [a, b] = [BigInt.asUintN(bits, left), BigInt.asUintN(bits, right)];
  const [s, t] = [BigInt.asIntN(bits, left), BigInt.asIntN(bits, right)];
  switch (operation) {
    case 1:
      return a === b;
    case 2:
      return a > b;
    case 3:
      return a >= b;
    case 4:
      return (a & b) !== 0n;
    case 5:
      return a !== b;
    case 6:
      return s > t;
    case 7:
      return s >= t;
    case 10:
      return a < b;
    case 11:
      return a <= b;
    case 12:
      return s < t;
    case 13:
      return s <= t;
    default:
      return undefined;
  }
}

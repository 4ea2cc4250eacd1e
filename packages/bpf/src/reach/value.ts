/**
 * What is known of a register or a stack slot:
 * - `number`: exactly this, 64 bits, unsigned;
 * - `data`: the address of a byte of an object's data section;
 * - `address`: some address that is not 0; `extern` says whose, when it is that of an extern;
 * - `stack`: an address in this function's stack;
 * - `context`: the program's context;
 * - `any`: a number that the verifier takes to be anything from `low` to `high`. `root` tells apart where numbers come
 *   from: parts of one have one root;
 * - `raised`: an `any` of all 64 bits, shifted up by 32: half way to its low half, as code without 32-bit registers goes;
 * - `nullable`: 0 or an address, as map lookups give;
 * - `memory`: the address of memory whose content the verifier does not know: a map's value, a ring's record;
 * - `unknown`: nothing may be concluded.
 */
export type Value =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'data'; readonly section: string; readonly offset: number }
  | { readonly kind: 'address'; readonly extern?: string }
  | { readonly kind: 'stack'; readonly offset: number }
  | { readonly kind: 'context' }
  | { readonly kind: 'any'; readonly root: number; readonly low: bigint; readonly high: bigint }
  | { readonly kind: 'raised'; readonly root: number }
  | { readonly kind: 'nullable'; readonly root: number }
  | { readonly kind: 'memory' }
  | { readonly kind: 'unknown' };

export const UNKNOWN: Value = { kind: 'unknown' };
export const MAX64 = 0xffff_ffff_ffff_ffffn;
const MAX32 = 0xffff_ffffn;

export function number(value: bigint | number): Value {
  return { kind: 'number', value: BigInt.asUintN(64, BigInt(value)) };
}

export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  switch (a.kind) {
    case 'number':
      return b.kind === 'number' && a.value === b.value;
    case 'data':
      return b.kind === 'data' && a.section === b.section && a.offset === b.offset;
    case 'stack':
      return b.kind === 'stack' && a.offset === b.offset;
    case 'address':
      return b.kind === 'address' && a.extern === b.extern;
    case 'any':
      return b.kind === 'any' && a.root === b.root && a.low === b.low && a.high === b.high;
    case 'raised':
    case 'nullable':
      return b.kind === a.kind && a.root === b.root;
    default:
      return a.kind === b.kind;
  }
}

/** A text that is the same for arguments that say the same: numbers of one root are told apart from others, not which. */
export function valuesKey(values: readonly Value[]): string {
  const roots: number[] = [];
  const rootOf = (root: number): number =>
    roots.includes(root) ? roots.indexOf(root) : roots.push(root) - 1;
  const keys = Array.from({ length: 5 }, (_, i) => {
    const v = values[i] ?? UNKNOWN;
    switch (v.kind) {
      case 'number':
        return `n${v.value}`;
      case 'data':
        return `d${v.offset} ${v.section}`;
      case 'address':
        return `a${v.extern ?? ''}`;
      case 'any':
        return `?${rootOf(v.root)} ${v.low} ${v.high}`;
      case 'raised':
      case 'nullable':
        return `${v.kind}${rootOf(v.root)}`;
      case 'stack':
        // Another function's stack is not this one's: Machine.entry.
        return 'unknown';
      default:
        return v.kind;
    }
  });
  return keys.join();
}

/** BPF_OP of arithmetic, in the order of its numbers. */
const OPERATIONS = ['+', '-', '*', '/', '|', '&', '<<', '>>', 'neg', '%', '^', 'mov', 's>>', 'end'] as const;

/** The result of an arithmetic instruction. `offset` is the instruction's: signed division and sign extension. */
export function compute(opcode: number, offset: number, left: Value, right: Value): Value {
  const operation = OPERATIONS[opcode >> 4];
  const wide = (opcode & 7) === 7;
  if (operation === 'mov' && offset === 0) return wide ? right : low32(right);
  if (operation === undefined || operation === 'end' || offset !== 0) return UNKNOWN;
  if (left.kind === 'number' && (right.kind === 'number' || operation === 'neg'))
    return numbers(operation, wide, left.value, right.kind === 'number' ? right.value : 0n);
  if (right.kind !== 'number') return UNKNOWN;
  const by = right.value;
  if (wide && (operation === '+' || operation === '-')) {
    const step = Number(BigInt.asIntN(64, operation === '+' ? by : -by));
    if (left.kind === 'data' || left.kind === 'stack') return { ...left, offset: left.offset + step };
    if (left.kind === 'memory') return left;
  }
  if (left.kind === 'any' && wide) {
    if (operation === '<<' && by === 32n && left.low === 0n && left.high === MAX64)
      return { kind: 'raised', root: left.root };
    if (operation === '>>' && by < 64n) return { ...left, low: left.low >> by, high: left.high >> by };
    // Only a mask of all low bits leaves every number between its bounds possible.
    if (operation === '&' && (by & (by + 1n)) === 0n && left.low === 0n && left.high >= by)
      return { ...left, high: by };
  }
  if (left.kind === 'raised' && wide && operation === '>>' && by === 32n)
    return { kind: 'any', root: left.root, low: 0n, high: MAX32 };
  return UNKNOWN;
}

function low32(value: Value): Value {
  if (value.kind === 'number') return number(value.value & MAX32);
  if (value.kind !== 'any') return UNKNOWN;
  if (value.high <= MAX32) return value;
  return value.low === 0n && value.high === MAX64 ? { ...value, high: MAX32 } : UNKNOWN;
}

function numbers(operation: (typeof OPERATIONS)[number], wide: boolean, a: bigint, b: bigint): Value {
  const bits = wide ? 64 : 32;
  const [x, y] = [BigInt.asUintN(bits, a), BigInt.asUintN(bits, b)];
  const shift = y & BigInt(bits - 1);
  const result = ((): bigint => {
    switch (operation) {
      case '+':
        return x + y;
      case '-':
        return x - y;
      case '*':
        return x * y;
      case '/':
        return y === 0n ? 0n : x / y;
      case '%':
        return y === 0n ? x : x % y;
      case '|':
        return x | y;
      case '&':
        return x & y;
      case '^':
        return x ^ y;
      case '<<':
        return x << shift;
      case '>>':
        return x >> shift;
      case 's>>':
        return BigInt.asIntN(bits, x) >> shift;
      default:
        return -x;
    }
  })();
  return number(BigInt.asUintN(bits, result));
}

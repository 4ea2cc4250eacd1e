import type { Value } from '@skep/bpf';
import type { Num } from './contract/stream.ts';

/** The sum, exact: a bigint as soon as a double would round. Floats stay doubles. */
export function plus(a: Num, b: Num): Num {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum) || !Number.isInteger(a) || !Number.isInteger(b)) return sum;
  }
  if (!whole(a) || !whole(b)) return Number(a) + Number(b);
  return narrow(BigInt(a) + BigInt(b));
}

/** The difference, exact as {@link plus}. */
export function minus(a: Num, b: Num): Num {
  return plus(a, typeof b === 'bigint' ? narrow(-b) : -b);
}

/** A number where it is exact, else the bigint. */
export function narrow(v: bigint): Num {
  const n = Number(v);
  return Number.isSafeInteger(n) ? n : v;
}

/** What a decoded member counts as: booleans 0 or 1; anything else that is no number counts 0. */
export function toNum(v: Value): Num {
  if (typeof v === 'number' || typeof v === 'bigint') return v;
  return v === true ? 1 : 0;
}

/** What a counter may take: nothing for what is below zero or no number, so that it never goes back. */
export function positive(v: Num): Num {
  return v > 0 ? v : 0;
}

function whole(v: Num): boolean {
  return typeof v === 'bigint' || Number.isInteger(v);
}

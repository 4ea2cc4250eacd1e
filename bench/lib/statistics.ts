export interface Spread {
  readonly least: number;
  readonly median: number;
  readonly most: number;
  readonly values: readonly number[];
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { least: sorted[0]!, median, most: sorted.at(-1)!, values };
}

/** Three figures, no exponent: 0.152, 12.3, 2,860,000. */
export function figures(n: number): string {
  if (Number.isNaN(n)) return 'none';
  const size = Math.abs(n);
  if (size >= 1000) return String(Number(n.toPrecision(3))).replace(/\B(?=(\d{3})+$)/g, ',');
  return String(Number(n.toPrecision(3)));
}

/** Mean and half width of its 95 % confidence interval, by Student's t. */
export function confidence(values: readonly number[]): { mean: number; half: number } {
  const n = values.length;
  const mean = values.reduce((sum, v) => sum + v, 0) / n;
  if (n < 2) return { mean, half: Number.POSITIVE_INFINITY };
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1);
  return { mean, half: quantile(n - 1) * Math.sqrt(variance / n) };
}

/** The 97.5 % quantile of Student's t (Cornish-Fisher's expansion; exact values where that is too rough). */
function quantile(freedom: number): number {
  const few = [12.706, 4.303, 3.182, 2.776, 2.571];
  if (freedom <= few.length) return few[freedom - 1]!;
  const z = 1.959964;
  return (
    z +
    (z ** 3 + z) / (4 * freedom) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * freedom ** 3)
  );
}

/** Pictures of the report, drawn by the benchmarks' own plots. */
import { barChart } from '../../lib/plot.ts';
import type { Spread } from '../../lib/statistics.ts';

/** A bar for each variant; `skep` stands out. */
export function bars(title: string, unit: string, values: Readonly<Record<string, Spread>>): string {
  return barChart({ title, unit }, values, 'bar: median; line: least to most of all rounds');
}

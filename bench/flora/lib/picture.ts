/** Pictures of the report, drawn by the benchmarks' own plots. */
import { barChart } from '../../lib/plot.ts';
import type { Spread } from '../../lib/statistics.ts';

/** Stands for the line of conditions until what is measured is kept. */
export const CONDITIONS = '@conditions@';

/** A bar for each variant; `skep` stands out. */
export function bars(title: string, unit: string, values: Readonly<Record<string, Spread>>): string {
  return barChart(
    { title, unit: `${unit}; bar: median, line: least to most of all rounds` },
    values,
    CONDITIONS,
  );
}

import type { HistogramState, Series } from '../contract/series.ts';
import type { Num } from '../contract/stream.ts';
import { plus } from '../num.ts';
import type { Family } from './families.ts';

/** What a family shows of one series. */
export interface Sample {
  readonly series: Series;
  readonly value: Num;
  readonly histogram?: HistogramState;
}

/** The samples of a family, each under its labels, as `textOf` tells them apart. */
export function samplesOf(
  all: Iterable<Series>,
  family: Pick<Family, 'type' | 'value' | 'stream'>,
  textOf: (series: Series) => string,
): Iterable<readonly [string, Sample]> {
  const samples = labelled(all, family, textOf);
  return family.stream.stackColumns.length > 0 ? merged(samples) : samples;
}

function* labelled(
  all: Iterable<Series>,
  family: Pick<Family, 'type' | 'value'>,
  textOf: (series: Series) => string,
): Iterable<readonly [string, Sample]> {
  for (const series of all) {
    const text = textOf(series);
    if (family.type === 'histogram') yield [text, { series, value: 0, histogram: series.histogram! }];
    else yield [text, { series, value: series.values[family.value] as Num }];
  }
}

/** Stacks that differ in offsets only are one stack of functions: their numbers are added. */
function merged(samples: Iterable<readonly [string, Sample]>): Map<string, Sample> {
  const byText = new Map<string, Sample>();
  for (const [text, sample] of samples) {
    const other = byText.get(text);
    byText.set(text, other ? together(other, sample) : sample);
  }
  return byText;
}

function together(a: Sample, b: Sample): Sample {
  const [g, h] = [a.histogram, b.histogram];
  if (!g || !h) return { series: a.series, value: plus(a.value, b.value) };
  const counts = Array.from(g.counts, (n, i) => n + h.counts[i]!);
  const sum = g.sum === undefined || h.sum === undefined ? undefined : g.sum + h.sum;
  return {
    series: a.series,
    value: 0,
    histogram: { bounds: g.bounds, counts, count: g.count + h.count, sum },
  };
}

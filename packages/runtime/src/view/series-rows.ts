import type { HistogramState, Series } from '../contract/series.ts';
import { grouped, hasScale, quantile, quantity } from './format.ts';
import type { Row, SortKey, ViewColumn } from './model.ts';

/** What one column shows of a series. */
export interface SeriesColumn extends ViewColumn {
  text(series: Series): string;
  key(series: Series): SortKey;
}

/** A series as it is now. */
export class SeriesRow implements Row {
  readonly series: Series;
  readonly #columns: readonly SeriesColumn[];
  constructor(series: Series, columns: readonly SeriesColumn[]) {
    this.series = series;
    this.#columns = columns;
  }
  get id(): number {
    return this.series.id;
  }
  get histogram(): HistogramState | undefined {
    return this.series.histogram;
  }
  text(column: number): string {
    return this.#columns[column]!.text(this.series);
  }
  key(column: number): SortKey {
    return this.#columns[column]!.key(this.series);
  }
}

/** A series as it was when the table was paused. */
export class StillRow implements Row {
  readonly id: number;
  readonly histogram?: HistogramState;
  readonly #texts: readonly string[];
  readonly #keys: readonly SortKey[];
  constructor(row: SeriesRow, columns: number) {
    this.id = row.id;
    const h = row.histogram;
    if (h !== undefined) {
      this.histogram = { bounds: h.bounds, counts: Array.from(h.counts), count: h.count, sum: h.sum };
    }
    this.#texts = Array.from({ length: columns }, (_, i) => row.text(i));
    this.#keys = Array.from({ length: columns }, (_, i) => row.key(i));
  }
  text(column: number): string {
    return this.#texts[column]!;
  }
  key(column: number): SortKey {
    return this.#keys[column]!;
  }
}

/** What the table shows of a histogram: how many, how much, where most lie, and a drawing. */
export function histogramColumns(unit: string | undefined): SeriesColumn[] {
  const number = (title: string, of: (h: HistogramState) => number): SeriesColumn => ({
    title,
    unit: hasScale(unit) ? undefined : unit,
    right: true,
    numeric: true,
    text: (series) => (series.histogram === undefined ? '' : quantity(of(series.histogram), unit)),
    key: (series) => {
      const value = series.histogram === undefined ? Number.NaN : of(series.histogram);
      return Number.isNaN(value) ? -1 : value;
    },
  });
  return [
    { ...number('count', (h) => h.count), unit: undefined, text: (s) => grouped(s.histogram?.count ?? 0) },
    number('avg', (h) => (h.sum === undefined || h.count === 0 ? Number.NaN : h.sum / h.count)),
    number('p50', (h) => quantile(h, 0.5)),
    number('p99', (h) => quantile(h, 0.99)),
    { title: 'distribution', right: false, numeric: false, draw: 'spark', text: () => '', key: () => 0 },
  ];
}

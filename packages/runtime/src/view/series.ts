import type { Series, SeriesRegistry } from '../contract/series.ts';
import type { Stream } from '../contract/stream.ts';
import { grouped, perSecond } from './format.ts';
import {
  compareKeys,
  compileFilter,
  type Query,
  type Row,
  type TableModel,
  type ViewColumn,
} from './model.ts';
import { histogramColumns, type SeriesColumn, SeriesRow, StillRow } from './series-rows.ts';

/** The value of a series at the last tick and how fast it grew since the one before. */
interface Pace {
  value: number;
  perSecond: number;
  tick: number;
}

/** The series of one stream: counters, gauges, histograms, and the entries of polled `print_` maps. */
export class SeriesModel implements TableModel {
  readonly style = 'list';
  readonly columns: readonly ViewColumn[];
  /** Counters and histograms show the largest first until told otherwise. */
  readonly defaultSort: number | undefined;
  /** Index of the per-second column, where there is one. */
  readonly rateColumn: number | undefined;
  readonly #stream: Stream;
  readonly #registry: SeriesRegistry;
  readonly #columns: readonly SeriesColumn[];
  readonly #paces = new Map<number, Pace>();
  #ticks = 0;
  #tickedAt = 0;
  #stale = true;
  #query: Query | undefined;
  #rows: (SeriesRow | StillRow)[] = [];
  #still: StillRow[] | undefined;
  #total = 0;

  constructor(stream: Stream, registry: SeriesRegistry) {
    this.#stream = stream;
    this.#registry = registry;
    const columns: SeriesColumn[] = [];
    stream.fields.forEach((field, index) => {
      if (field.role === 'label') columns.push(this.#fieldColumn(index));
    });
    const labels = columns.length;
    if (stream.kind === 'hist') columns.push(...histogramColumns(stream.unit));
    else {
      stream.fields.forEach((field, index) => {
        if (field.role === 'value') columns.push(this.#fieldColumn(index));
      });
    }
    if (stream.kind === 'counter' || stream.kind === 'hist') {
      this.defaultSort = labels;
      this.rateColumn = labels + 1;
      columns.splice(labels + 1, 0, {
        title: 'rate/s',
        right: true,
        numeric: true,
        text: (series) => {
          const rate = this.#rate(series);
          return rate === undefined ? '' : perSecond(rate);
        },
        key: (series) => this.#rate(series) || 0,
      });
    }
    this.columns = columns;
    this.#columns = columns;
  }

  #fieldColumn(index: number): SeriesColumn {
    const { kind, fields } = this.#stream;
    const field = fields[index]!;
    const at = fields.slice(0, index).filter((f) => f.role === field.role).length;
    const formatted = field.source?.format !== undefined;
    const plainNumber = field.role === 'value' && field.numeric && !formatted && kind !== 'print';
    return {
      title: field.name,
      unit: formatted ? undefined : (field.unit ?? (field.role === 'value' ? this.#stream.unit : undefined)),
      right: field.numeric && field.source?.format?.json === undefined,
      numeric: field.numeric,
      text: (series) => {
        const value = series.values[at];
        if (plainNumber && (typeof value === 'number' || typeof value === 'bigint')) return grouped(value);
        return series.overflow && field.role === 'label' ? '(overflow)' : series.text(index);
      },
      key: (series) => {
        const value = field.role === 'value' ? series.values[at] : series.data[field.name];
        return typeof value === 'number' || typeof value === 'bigint' ? value : series.text(index);
      },
    };
  }

  #rate(series: Series): number | undefined {
    return this.#paces.get(series.id)?.perSecond;
  }

  get paused(): boolean {
    return this.#still !== undefined;
  }

  get length(): number {
    return this.#rows.length;
  }

  get total(): number {
    return this.#total;
  }

  /** Takes in the interval that just ended. `now` in milliseconds, of any steady clock. */
  tick(now: number): void {
    this.#stale = true;
    const seconds = (now - this.#tickedAt) / 1000;
    this.#tickedAt = now;
    this.#ticks++;
    let total = 0;
    for (const series of this.#registry.of(this.#stream)) {
      if (series.shown) total++;
      if (this.rateColumn === undefined) continue;
      const value = Number(series.value);
      const pace = this.#paces.get(series.id);
      if (pace !== undefined) {
        pace.perSecond = Math.max(0, value - pace.value) / seconds;
        pace.value = value;
        pace.tick = this.#ticks;
      } else if (this.#ticks > 1) {
        // It was not there an interval ago, so all of it is new.
        this.#paces.set(series.id, { value, perSecond: value / seconds, tick: this.#ticks });
      } else this.#paces.set(series.id, { value, perSecond: Number.NaN, tick: this.#ticks });
    }
    if (!this.paused) this.#total = total;
    if (this.#paces.size > this.#registry.count(this.#stream)) {
      for (const [id, pace] of this.#paces) if (pace.tick !== this.#ticks) this.#paces.delete(id);
    }
  }

  refresh(query: Query): boolean {
    const same =
      this.#query?.filter === query.filter &&
      this.#query.sort === query.sort &&
      this.#query.descending === query.descending;
    if (same && (!this.#stale || this.paused)) return false;
    this.#query = { ...query };
    this.#stale = false;
    const all = this.#still ?? this.#current();
    this.#total = all.length;
    const matches = query.filter.trim() === '' ? undefined : compileFilter(query.filter, this.columns);
    const rows = matches === undefined ? [...all] : all.filter(matches);
    if (query.sort !== undefined) {
      const column = query.sort;
      const sign = query.descending ? -1 : 1;
      const keyed = rows.map((row) => ({ row, key: row.key(column) }));
      keyed.sort((a, b) => sign * compareKeys(a.key, b.key) || a.row.id - b.row.id);
      this.#rows = keyed.map((k) => k.row);
    } else this.#rows = rows;
    return false;
  }

  #current(): SeriesRow[] {
    const rows: SeriesRow[] = [];
    for (const series of this.#registry.of(this.#stream)) {
      if (series.shown) rows.push(new SeriesRow(series, this.#columns));
    }
    return rows;
  }

  at(index: number): Row {
    return this.#rows[index]!;
  }

  indexOf(id: number): number {
    return this.#rows.findIndex((row) => row.id === id);
  }

  pin(index: number): Row {
    const row = this.#rows[index]!;
    const live = this.#current().find((r) => r.id === row.id);
    return live ?? row;
  }

  pause(on: boolean): void {
    if (on === this.paused) return;
    this.#still = on ? this.#current().map((row) => new StillRow(row, this.columns.length)) : undefined;
    this.#query = undefined;
    this.#stale = true;
  }

  /** Series belong to the run: there is nothing of ours to forget. */
  clear(): void {
    this.#stale = true;
  }
}

import type { RecordView } from '@skep/bpf';
import type { SeriesRegistry } from '../contract/series.ts';
import type { Stream } from '../contract/stream.ts';
import type { Query, Row, TableModel } from './model.ts';
import { type RecordLimits, RecordModel } from './records.ts';
import { SeriesModel } from './series.ts';

/** Rows held on top at most; more would leave no room for the table. */
const MAX_PINS = 20;

/** One map's tab: its rows and what the person did to them. */
export class Tab {
  readonly stream: Stream;
  readonly model: TableModel;
  readonly records: RecordModel | undefined;
  readonly series: SeriesModel | undefined;
  readonly query: Query = { sort: undefined, descending: false, filter: '' };
  readonly pins: Row[] = [];
  /** Widths only grow while a tab is looked at, so that columns do not dance. */
  widths: number[] = [];
  /** Records that came, kept or not. */
  events = 0;
  /** First column shown. */
  firstColumn = 0;
  showRates = true;
  /** First row of the window, and how many the last frame had room for. */
  top = 0;
  visible = 1;
  #selected: number | undefined;
  #selectedIndex = 0;

  constructor(stream: Stream, registry: SeriesRegistry, limits?: RecordLimits) {
    this.stream = stream;
    if (stream.yields === 'records') this.model = this.records = new RecordModel(stream, limits);
    else {
      this.model = this.series = new SeriesModel(stream, registry);
      this.query.sort = this.series.defaultSort;
      this.query.descending = this.query.sort !== undefined;
    }
  }

  /** Takes a record; the one thing that happens per event. */
  push(view: RecordView, offset: number, length: number, timeMs: number): void {
    this.events++;
    this.records?.push(view, offset, length, timeMs);
  }

  /** True while the newest row is kept in sight at the bottom. */
  get following(): boolean {
    return this.model.style === 'tail' && this.query.sort === undefined && this.#selected === undefined;
  }

  /** Columns that are shown, in order. */
  columns(): number[] {
    const hidden = this.showRates ? undefined : this.series?.rateColumn;
    return this.model.columns.map((_, i) => i).filter((i) => i !== hidden);
  }

  /** Index of the highlighted row, or undefined. Lists always have one; a followed tail has none. */
  get selectedIndex(): number | undefined {
    if (this.model.length === 0) return undefined;
    if (this.#selected !== undefined) return this.#selectedIndex;
    return this.following ? undefined : 0;
  }

  /** The row that a key acts on: the highlighted one, else the newest. */
  get current(): number | undefined {
    return this.model.length === 0 ? undefined : (this.selectedIndex ?? this.model.length - 1);
  }

  /** Brings rows up to date and places the window of `height` rows; true when rows remain to be tested. */
  refresh(height: number): boolean {
    const more = this.model.refresh(this.query);
    this.visible = Math.max(1, height);
    const last = Math.max(0, this.model.length - 1);
    if (this.#selected !== undefined) {
      const now = this.model.indexOf(this.#selected);
      if (now >= 0) {
        // New rows and dropped ones must not move what is being read.
        if (this.model.style === 'tail') this.top += now - this.#selectedIndex;
        this.#selectedIndex = now;
      } else this.#select(Math.min(this.model.style === 'tail' ? 0 : this.#selectedIndex, last));
      this.top = Math.min(this.top, this.#selectedIndex);
      this.top = Math.max(this.top, this.#selectedIndex - this.visible + 1);
    } else this.top = this.following ? last + 1 - this.visible : 0;
    this.top = Math.max(0, Math.min(this.top, last + 1 - this.visible));
    return more;
  }

  #select(index: number): void {
    if (this.model.length === 0) {
      this.#selected = undefined;
      return;
    }
    this.#selectedIndex = index;
    this.#selected = this.model.at(index).id;
  }

  /** Moves the selection; the end of a tail is where following starts again. */
  move(rows: number): void {
    const from = this.current;
    if (from === undefined) return;
    const last = this.model.length - 1;
    if (this.following && rows > 0) return;
    const to = Math.max(0, Math.min(last, from + rows));
    if (rows > 0 && from + rows > last && this.#isTail()) this.follow();
    else this.#select(to);
  }

  /** To the first row, or to the last one: for a tail that means following it. */
  jump(to: 'first' | 'last'): void {
    if (to === 'last' && this.#isTail()) this.follow();
    else this.#select(to === 'first' ? 0 : Math.max(0, this.model.length - 1));
  }

  #isTail(): boolean {
    return this.model.style === 'tail' && this.query.sort === undefined;
  }

  /** No selection: a tail follows what comes, a list stands at its top. */
  follow(): void {
    this.#selected = undefined;
    this.#selectedIndex = 0;
  }

  /** Next sort column to the right (1) or left (-1), the order of arrival being one stop on the way. */
  sortBy(step: 1 | -1): void {
    const stops: (number | undefined)[] = [
      undefined,
      ...this.columns().filter((i) => this.model.columns[i]!.draw === undefined),
    ];
    const at = stops.indexOf(this.query.sort);
    this.query.sort = stops[(at + step + stops.length) % stops.length];
    this.query.descending = this.query.sort !== undefined && this.model.columns[this.query.sort]!.numeric;
    this.follow();
  }

  /** Turns the order round; a table in order of arrival is first sorted by its first column. */
  reverse(): void {
    if (this.query.sort === undefined) {
      this.query.sort = this.columns()[0];
      this.query.descending = true;
    } else this.query.descending = !this.query.descending;
    this.follow();
  }

  setFilter(text: string): void {
    this.query.filter = text;
    this.follow();
  }

  /** Holds the current row on top, or lets it go when it is held already. */
  togglePin(): void {
    const index = this.current;
    if (index === undefined) return;
    const id = this.model.at(index).id;
    const held = this.pins.findIndex((row) => row.id === id);
    if (held >= 0) this.pins.splice(held, 1);
    else if (this.pins.length < MAX_PINS) this.pins.push(this.model.pin(index));
  }

  /** Lets all held rows go. */
  release(): void {
    this.pins.length = 0;
  }

  toggleRates(): void {
    this.showRates = !this.showRates;
    if (!this.showRates && this.query.sort === this.series?.rateColumn)
      this.query.sort = this.series?.defaultSort;
  }

  /** Moves the window over the columns. */
  scrollColumns(step: 1 | -1): void {
    this.firstColumn = Math.max(0, Math.min(this.columns().length - 1, this.firstColumn + step));
  }

  pause(on: boolean): void {
    this.model.pause(on);
  }

  clear(): void {
    this.model.clear();
    this.follow();
    this.widths = [];
  }
}

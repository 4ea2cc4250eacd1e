import type { Series, SeriesRegistry } from '../contract/series.ts';
import type { Stream } from '../contract/stream.ts';
import { Slice } from '../sources/slice.ts';
import type { Rows } from './rows.ts';

/** Something that folds what was counted since the last time into rows. */
export interface Refreshable {
  /** One at a time. What may take long lets others have their turn when the slice is over. */
  refresh(slice: Slice): Promise<void>;
}

const FRESH_MS = 50;

/** The one implementation of {@link SeriesRegistry}: the rows of all streams and the clock of their changes. */
export class Registry implements SeriesRegistry {
  tick = 0;
  readonly #rows = new Map<Stream, Rows>();
  readonly #sources: Refreshable[] = [];
  readonly #first: Refreshable[] = [];
  #lastId = 0;
  #refreshed = Number.NEGATIVE_INFINITY;
  #sealed = false;
  #running: Promise<void> | undefined;
  #slice: Slice | undefined;

  readonly nextId = (): number => ++this.#lastId;

  add(rows: Rows, source: Refreshable): void {
    this.#rows.set(rows.stream, rows);
    this.#sources.push(source);
  }

  /** What fills maps when it is asked to: refreshed before them. */
  before(source: Refreshable): void {
    this.#first.push(source);
  }

  get size(): number {
    let size = 0;
    for (const rows of this.#rows.values()) size += rows.size;
    return size;
  }

  *[Symbol.iterator](): Iterator<Series> {
    for (const rows of this.#rows.values()) yield* rows;
  }

  of(stream: Stream): Iterable<Series> {
    return this.#rows.get(stream) ?? [];
  }

  count(stream: Stream): number {
    return this.#rows.get(stream)?.size ?? 0;
  }

  /** Keys that did not fit into print_ streams, by map. */
  leftOut(): [string, number][] {
    return [...this.#rows.values()].filter((r) => r.leftOut > 0).map((r) => [r.stream.map, r.leftOut]);
  }

  refresh(): Promise<void> {
    const fresh = performance.now() - this.#refreshed < FRESH_MS;
    return fresh && this.#running === undefined ? Promise.resolve() : this.refreshNow();
  }

  /** As {@link refresh}, however fresh the rows are: for a tick. */
  refreshNow(): Promise<void> {
    if (this.#running) return this.#running;
    if (this.#sealed) return Promise.resolve();
    const running = this.#refreshAll().finally(() => {
      this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  /** Waits for a refresh under way, then reads everything again: what is in the maps now will be in the rows. */
  async refreshAnew(): Promise<void> {
    await this.#running?.catch(() => {}); // whoever asked for it is told
    await this.refreshNow();
  }

  /** As {@link refreshAnew}, for the last time: the rows stay as they are then. One under way goes no further. */
  async finish(): Promise<void> {
    if (this.#slice) this.#slice.abandoned = true;
    await this.#running?.catch(() => {});
    const last = this.refreshNow();
    this.#sealed = true;
    await last;
  }

  /** The maps are about to be closed: no further refresh, and none under way once this resolves. */
  async seal(): Promise<void> {
    this.#sealed = true;
    await this.#running?.catch(() => {});
  }

  async #refreshAll(): Promise<void> {
    const slice = new Slice();
    this.#slice = slice;
    for (const source of [...this.#first, ...this.#sources]) await source.refresh(slice);
    this.#refreshed = performance.now();
  }
}

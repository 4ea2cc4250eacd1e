import type { Series, SeriesRegistry, Stream } from '../types.ts';
import type { Rows } from './rows.ts';

/** Something that folds what was counted since the last time into rows. */
export interface Refreshable {
  refresh(): void;
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

  refresh(): void {
    const now = performance.now();
    if (now - this.#refreshed < FRESH_MS) return;
    this.refreshNow();
  }

  /** The maps are about to be closed: rows stay as they are. */
  seal(): void {
    this.#sealed = true;
  }

  /** As {@link refresh}, however fresh the rows are: for a tick and for the end. */
  refreshNow(): void {
    if (this.#sealed) return;
    for (const source of this.#first) source.refresh();
    for (const source of this.#sources) source.refresh();
    this.#refreshed = performance.now();
  }
}

import { RawKeyTable, type RecordView } from '@skep/bpf';
import type { Row } from '../series/row.ts';
import type { Rows } from '../series/rows.ts';
import type { FoldPlan } from '../streams/plan.ts';
import { type Cells, cellsFor } from './cells.ts';
import type { Slice } from './slice.ts';

/** Raw keys remembered at least; more when more label sets are allowed. */
const MIN_KEYS = 65_536;
/** Slots between two looks at the clock. */
const PART = 256;

/**
 * Counts the records of a counter_, gauge_ or hist_ ring by the raw bytes of their labels. A key is decoded once,
 * when it is first folded into a row; an event costs a hash of its bytes and an addition.
 */
export class Fold {
  readonly #rows: Rows;
  readonly #newKeys: () => RawKeyTable;
  #keys: RawKeyTable;
  readonly #clock: { readonly tick: number };
  readonly #cells: Cells;
  /** Rows of the table's slots, as far as they were folded. */
  #row: (Row | undefined)[] = [];
  /** One more than the highest slot in use. */
  #top = 0;
  /** Every key that has a row of its own is in the table, so a key that is not and finds no room needs no decoding. */
  #complete = true;

  constructor(plan: FoldPlan, rows: Rows, clock: { readonly tick: number }) {
    const kept = new Set(plan.labels);
    const others = plan.decoder.columns.filter((_, i) => !kept.has(i)).map((c) => c.name);
    const layout = plan.decoder.keyLayout(others);
    const capacity = Math.max(MIN_KEYS, 2 * rows.options.maxSeries);
    this.#newKeys = () => new RawKeyTable(layout, capacity);
    this.#keys = this.#newKeys();
    this.#rows = rows;
    this.#clock = clock;
    this.#cells = cellsFor(plan);
  }

  /** One record. */
  record(view: RecordView, offset: number): void {
    let slot = this.#keys.slot(view, offset);
    if (slot < 0) {
      this.#forget();
      slot = this.#keys.slot(view, offset);
    }
    if (slot >= this.#top) this.#top = slot + 1;
    this.#cells.record(slot, view, offset);
  }

  /** Moves what was counted into the rows. Records may come while `slice` lets others have turns. */
  async refresh(slice: Slice): Promise<void> {
    for (let from = 0; from < this.#top; from += PART) {
      this.#fold(from, Math.min(this.#top, from + PART));
      if (slice.over) await slice.turn();
    }
  }

  #fold(from: number, to: number): void {
    const { tick } = this.#clock;
    for (let slot = from; slot < to; slot++) {
      if (!this.#cells.touched(slot)) continue;
      const row = this.#row[slot] ?? this.#place(slot);
      this.#row[slot] = row;
      this.#cells.fold(slot, row, tick);
    }
  }

  #place(slot: number): Row {
    const rows = this.#rows;
    if (rows.full && this.#complete) return rows.overflow();
    return rows.resolve(this.#keys.keys, this.#keys.offset(slot))!;
  }

  /** Makes room: keys without a row of their own go first, all of them only when that is not enough. */
  #forget(): void {
    this.#fold(0, this.#top);
    for (let slot = 0; slot < this.#top; slot++) {
      if (!this.#row[slot]?.overflow) continue;
      this.#keys.delete(slot);
      this.#row[slot] = undefined;
    }
    if (this.#keys.size <= this.#keys.capacity / 2) return;
    this.#keys = this.#newKeys();
    this.#row = [];
    this.#top = 0;
    this.#complete = false;
  }
}

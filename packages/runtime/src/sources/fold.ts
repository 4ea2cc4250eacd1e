import { RawKeyTable, type RecordView, type Value } from '@skep/bpf';
import { plus, toNum } from '../num.ts';
import { bucketOf } from '../series/histogram.ts';
import type { Row } from '../series/row.ts';
import type { Rows } from '../series/rows.ts';
import type { FoldPlan } from '../streams/plan.ts';
import type { Num } from '../types.ts';

/** Raw keys remembered at least; more when more label sets are allowed. */
const MIN_KEYS = 65_536;

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

  /** Moves what was counted into the rows. */
  refresh(): void {
    const { tick } = this.#clock;
    for (let slot = 0; slot < this.#top; slot++) {
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
    this.refresh();
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

/** What is kept for a raw key until it is folded. */
interface Cells {
  record(slot: number, view: RecordView, offset: number): void;
  touched(slot: number): boolean;
  fold(slot: number, row: Row, tick: number): void;
}

function cellsFor(plan: FoldPlan): Cells {
  const reads = plan.values.map((i) => plan.decoder.column(i));
  if (plan.stream.kind === 'gauge') return new GaugeCells(reads);
  if (plan.stream.kind === 'hist') return new HistogramCells(reads[0]!, plan.bounds);
  return reads.length === 0 ? new CountCells() : new SumCells(reads);
}

type Read = (view: RecordView, offset: number) => Value;

class CountCells implements Cells {
  #counts = new Float64Array(1024);

  record(slot: number): void {
    if (slot >= this.#counts.length) this.#counts = grown(this.#counts, slot);
    this.#counts[slot]!++;
  }

  touched(slot: number): boolean {
    return this.#counts[slot]! > 0;
  }

  fold(slot: number, row: Row, tick: number): void {
    row.add(0, this.#counts[slot]!, tick);
    this.#counts[slot] = 0;
  }
}

class SumCells implements Cells {
  readonly #reads: readonly Read[];
  readonly #sums: (Num[] | undefined)[] = [];

  constructor(reads: readonly Read[]) {
    this.#reads = reads;
  }

  record(slot: number, view: RecordView, offset: number): void {
    const sums = this.#sums[slot];
    if (sums === undefined) {
      this.#sums[slot] = this.#reads.map((read) => toNum(read(view, offset)));
      return;
    }
    for (let i = 0; i < sums.length; i++) sums[i] = plus(sums[i]!, toNum(this.#reads[i]!(view, offset)));
  }

  touched(slot: number): boolean {
    return this.#sums[slot] !== undefined;
  }

  fold(slot: number, row: Row, tick: number): void {
    this.#sums[slot]!.forEach((sum, i) => {
      row.add(i, sum, tick);
    });
    this.#sums[slot] = undefined;
  }
}

class GaugeCells implements Cells {
  readonly #reads: readonly Read[];
  readonly #last: (Value[] | undefined)[] = [];

  constructor(reads: readonly Read[]) {
    this.#reads = reads;
  }

  record(slot: number, view: RecordView, offset: number): void {
    this.#last[slot] = this.#reads.map((read) => toNum(read(view, offset)));
  }

  touched(slot: number): boolean {
    return this.#last[slot] !== undefined;
  }

  fold(slot: number, row: Row, tick: number): void {
    this.#last[slot]!.forEach((v, i) => {
      row.set(i, v, tick);
    });
    this.#last[slot] = undefined;
  }
}

class HistogramCells implements Cells {
  readonly #read: Read;
  readonly #bounds: readonly number[];
  readonly #stride: number;
  #counts: Float64Array;
  #sums = new Float64Array(64);
  #touched = new Uint8Array(64);

  constructor(read: Read, bounds: readonly number[]) {
    this.#read = read;
    this.#bounds = bounds;
    this.#stride = bounds.length + 1;
    this.#counts = new Float64Array(64 * this.#stride);
  }

  record(slot: number, view: RecordView, offset: number): void {
    if (slot >= this.#sums.length) {
      this.#sums = grown(this.#sums, slot);
      const touched = new Uint8Array(this.#sums.length);
      touched.set(this.#touched);
      this.#touched = touched;
      this.#counts = grown(this.#counts, this.#sums.length * this.#stride - 1);
    }
    const value = Number(toNum(this.#read(view, offset)));
    this.#counts[slot * this.#stride + bucketOf(this.#bounds, value)]!++;
    this.#sums[slot]! += value;
    this.#touched[slot] = 1;
  }

  touched(slot: number): boolean {
    return this.#touched[slot] === 1;
  }

  fold(slot: number, row: Row, tick: number): void {
    const histogram = row.histogram!;
    const start = slot * this.#stride;
    for (let i = 0; i < this.#stride; i++) {
      if (this.#counts[start + i]! > 0) histogram.add(i, this.#counts[start + i]!);
      this.#counts[start + i] = 0;
    }
    histogram.sum! += this.#sums[slot]!;
    this.#sums[slot] = 0;
    this.#touched[slot] = 0;
    row.counted(tick);
  }
}

function grown(old: Float64Array, index: number): Float64Array<ArrayBuffer> {
  const bigger = new Float64Array(Math.max(old.length * 2, index + 1));
  bigger.set(old);
  return bigger;
}

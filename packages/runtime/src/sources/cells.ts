import type { RecordView, Value } from '@skep/bpf';
import type { Num } from '../contract/stream.ts';
import { plus, positive, toNum } from '../num.ts';
import { bucketOf } from '../series/histogram.ts';
import type { Row } from '../series/row.ts';
import type { FoldPlan } from '../streams/plan.ts';
import type { StreamInfo } from '../streams/stream.ts';

/** What is kept for a raw key until it is folded. */
export interface Cells {
  record(slot: number, view: RecordView, offset: number): void;
  touched(slot: number): boolean;
  fold(slot: number, row: Row, tick: number): void;
}

/** The cells a plan's records are counted in. */
export function cellsFor(plan: FoldPlan): Cells {
  const reads = plan.values.map((i) => plan.decoder.column(i));
  if (plan.stream.kind === 'gauge') return new GaugeCells(reads);
  if (plan.stream.kind === 'hist') return new HistogramCells(reads[0]!, plan.bounds);
  return reads.length === 0 ? new CountCells() : new SumCells(reads, plan.stream);
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
  readonly #stream: StreamInfo;
  readonly #sums: (Num[] | undefined)[] = [];

  constructor(reads: readonly Read[], stream: StreamInfo) {
    this.#reads = reads;
    this.#stream = stream;
  }

  record(slot: number, view: RecordView, offset: number): void {
    const sums = this.#sums[slot];
    if (sums === undefined) {
      this.#sums[slot] = this.#reads.map((_, i) => this.#step(i, view, offset));
      return;
    }
    for (let i = 0; i < sums.length; i++) sums[i] = plus(sums[i]!, this.#step(i, view, offset));
  }

  #step(i: number, view: RecordView, offset: number): Num {
    const step = toNum(this.#reads[i]!(view, offset));
    if (step < 0) this.#stream.belowZero = true;
    return positive(step);
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

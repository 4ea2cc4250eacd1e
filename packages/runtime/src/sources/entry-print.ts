import type { RecordView, Value } from '@skep/bpf';
import { plus, toNum } from '../num.ts';
import type { Row } from '../series/row.ts';
import type { MapPlan } from '../streams/plan.ts';
import { type Entry, type EntryKind, newEntry, type Read } from './entry.ts';

/** Rows as they stand. Numbers of a per-CPU map are summed, other members are the first CPU's that has any. */
export class PrintEntries implements EntryKind {
  readonly #reads: readonly Read[];
  readonly #numeric: readonly boolean[];
  readonly #parts: number;
  readonly #stride: number;

  constructor(reads: readonly Read[], plan: MapPlan, parts: number, stride: number) {
    this.#reads = reads;
    this.#numeric = plan.values.map((i) => plan.valueDecoder.columns[i]!.numeric);
    this.#parts = parts;
    this.#stride = stride;
  }

  make(): Entry {
    return newEntry();
  }

  read(entry: Entry, view: RecordView, offset: number): void {
    for (let i = 0; i < this.#reads.length; i++) entry.now[i] = this.#value(i, view, offset);
  }

  more(entry: Entry, view: RecordView, offset: number): void {
    this.read(entry, view, offset);
  }

  settle(entry: Entry, row: Row, tick: number): void {
    for (let i = 0; i < entry.now.length; i++) {
      if (entry.known && same(entry.now[i]!, entry.last[i]!)) continue;
      row.set(i, entry.now[i]!, tick);
      entry.last[i] = entry.now[i]!;
    }
    entry.known = true;
  }

  leave(): void {}

  #value(i: number, view: RecordView, offset: number): Value {
    const read = this.#reads[i]!;
    let value = read(view, offset);
    for (let part = 1; part < this.#parts; part++) {
      const other = read(view, offset + part * this.#stride);
      if (this.#numeric[i]) value = plus(toNum(value), toNum(other));
      else if (value === '' || value === 0 || value === null) value = other;
    }
    return value;
  }
}

function same(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const left = Object.entries(a);
  return (
    left.length === Object.keys(b).length &&
    left.every(([k, v]) => same(v, (b as { [k: string]: Value })[k]!))
  );
}

import type { RecordView, Value } from '@skep/bpf';
import { plus, toNum } from '../num.ts';
import type { Row } from '../series/row.ts';
import type { MapPlan } from '../streams/plan.ts';
import { PagedArray } from './column.ts';
import type { Entries, Read } from './entry.ts';

/** Rows as they stand. Numbers of a per-CPU map are summed, other members are the first CPU's that has any. */
export class PrintEntries implements Entries {
  readonly #reads: readonly Read[];
  readonly #numeric: readonly boolean[];
  readonly #parts: number;
  readonly #stride: number;
  readonly #now = new PagedArray<Value[]>();
  readonly #last = new PagedArray<Value[]>();

  constructor(reads: readonly Read[], plan: MapPlan, parts: number, stride: number) {
    this.#reads = reads;
    this.#numeric = plan.values.map((i) => plan.valueDecoder.columns[i]!.numeric);
    this.#parts = parts;
    this.#stride = stride;
  }

  read(slot: number, view: RecordView, offset: number): void {
    let now = this.#now.get(slot);
    if (now === undefined) {
      now = [];
      this.#now.set(slot, now);
    }
    for (let i = 0; i < this.#reads.length; i++) now[i] = this.#value(i, view, offset);
  }

  more(slot: number, view: RecordView, offset: number): void {
    this.read(slot, view, offset);
  }

  settle(slot: number, row: Row, first: boolean, tick: number): void {
    const now = this.#now.get(slot)!;
    let last = this.#last.get(slot);
    if (last === undefined) {
      last = [];
      this.#last.set(slot, last);
    }
    for (let i = 0; i < now.length; i++) {
      if (!first && same(now[i]!, last[i]!)) continue;
      row.set(i, now[i]!, tick);
      last[i] = now[i]!;
    }
  }

  leave(): void {}

  forget(slot: number): void {
    this.#now.set(slot, undefined);
    this.#last.set(slot, undefined);
  }

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

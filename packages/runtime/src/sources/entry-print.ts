import type { Column, RecordView, Value } from '@skep/bpf';
import { plus, toNum } from '../num.ts';
import type { Row } from '../series/row.ts';
import type { MapPlan } from '../streams/plan.ts';
import { PagedArray } from './column.ts';
import type { Entries, Read } from './entry.ts';

/**
 * Rows as they stand. Numbers of a per-CPU map are summed, also those in an array, unless it is one of bytes, which is an
 * address or the like. Other members are the first CPU's that has any: an entry that one CPU made is zero on the others.
 */
export class PrintEntries implements Entries {
  readonly #reads: readonly Read[];
  readonly #columns: readonly Column[];
  readonly #parts: number;
  readonly #stride: number;
  readonly #now = new PagedArray<Value[]>();
  readonly #last = new PagedArray<Value[]>();

  constructor(reads: readonly Read[], plan: MapPlan, parts: number, stride: number) {
    this.#reads = reads;
    this.#columns = plan.values.map((i) => plan.valueDecoder.columns[i]!);
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
    const value = read(view, offset);
    if (this.#parts === 1) return value;
    const column = this.#columns[i]!;
    if (column.numeric || isTable(column, value)) {
      let sum = column.numeric ? toNum(value) : value;
      for (let part = 1; part < this.#parts; part++)
        sum = added(sum, read(view, offset + part * this.#stride));
      return sum;
    }
    for (let part = 0; part < this.#parts; part++) {
      const at = offset + part * this.#stride;
      if (isSet(view, at + column.offset, column.size)) return read(view, at);
    }
    return value;
  }
}

/** An array of numbers, or of such arrays. */
function isTable(column: Column, value: Value): boolean {
  if (column.kind !== 'array' || column.format) return false;
  const numbers = leaves(value);
  return column.size > numbers.length && numbers.every((n) => typeof n === 'number' || typeof n === 'bigint');
}

function leaves(value: Value): Value[] {
  return Array.isArray(value) ? value.flatMap(leaves) : [value];
}

function added(a: Value, b: Value): Value {
  return Array.isArray(a) ? a.map((part, i) => added(part, (b as Value[])[i]!)) : plus(toNum(a), toNum(b));
}

function isSet({ u8 }: RecordView, offset: number, size: number): boolean {
  for (let i = offset; i < offset + size; i++) if (u8[i] !== 0) return true;
  return false;
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

import type { RecordView, Value } from '@skep/bpf';
import { minus, plus, positive, toNum } from '../num.ts';
import type { Row } from '../series/row.ts';
import type { Num } from '../types.ts';
import { type Entry, type EntryKind, newEntry, type Read } from './entry.ts';

/** Reads numbers, and arrays of numbers element by element, summed over the CPUs. */
export class Sums {
  readonly #reads: readonly Read[];
  readonly #parts: number;
  readonly #stride: number;

  constructor(reads: readonly Read[], parts: number, stride: number) {
    this.#reads = reads;
    this.#parts = parts;
    this.#stride = stride;
  }

  into(out: Value[], view: RecordView, offset: number): void {
    for (let i = 0; i < this.#reads.length; i++) {
      const read = this.#reads[i]!;
      let value = read(view, offset);
      for (let part = 1; part < this.#parts; part++)
        value = sum(value, read(view, offset + part * this.#stride));
      out[i] = Array.isArray(value) ? value : toNum(value);
    }
  }

  add(out: Value[], view: RecordView, offset: number): void {
    const more: Value[] = [];
    this.into(more, view, offset);
    for (let i = 0; i < more.length; i++) out[i] = sum(out[i]!, more[i]!);
  }
}

function sum(a: Value, b: Value): Value {
  if (Array.isArray(a) && Array.isArray(b)) return a.map((v, i) => plus(toNum(v), toNum(b[i] ?? 0)));
  return plus(toNum(a), toNum(b));
}

/** Entries whose members are numbers. */
export abstract class NumberEntries implements EntryKind {
  readonly #sums: Sums;

  constructor(sums: Sums) {
    this.#sums = sums;
  }

  make(): Entry {
    return newEntry();
  }

  read(entry: Entry, view: RecordView, offset: number): void {
    this.#sums.into(entry.now, view, offset);
  }

  more(entry: Entry, view: RecordView, offset: number): void {
    this.#sums.add(entry.now, view, offset);
  }

  abstract settle(entry: Entry, row: Row, tick: number, keys: RecordView, keyAt: number): void;

  leave(_entry: Entry, _row: Row, _tick: number): void {}
}

/** What a number that only grows grew by; after a fall, which is a reset, all that it has. Never less than nothing. */
export function grownBy(now: Num, last: Num): Num {
  return positive(now < last ? now : minus(now, last));
}

/** A row grows by what each entry grew. */
export class CounterEntries extends NumberEntries {
  settle(entry: Entry, row: Row, tick: number): void {
    for (let i = 0; i < entry.now.length; i++) {
      const now = entry.now[i] as Num;
      const last = (entry.last[i] as Num | undefined) ?? 0;
      if (now !== last || !entry.known) row.add(i, grownBy(now, last), tick);
      entry.last[i] = now;
    }
    entry.known = true;
  }
}

/** Entries that share a row (the overflow row, keys that read alike) are summed. */
export class GaugeEntries extends NumberEntries {
  settle(entry: Entry, row: Row, tick: number): void {
    for (let i = 0; i < entry.now.length; i++) {
      const now = entry.now[i] as Num;
      const last = (entry.last[i] as Num | undefined) ?? 0;
      if (now === last && entry.known) continue;
      if (row.refs === 1 && !row.overflow) row.set(i, now, tick);
      else row.add(i, minus(now, last), tick);
      entry.last[i] = now;
    }
    entry.known = true;
  }

  override leave(entry: Entry, row: Row, tick: number): void {
    for (let i = 0; i < entry.last.length; i++) row.add(i, minus(0, entry.last[i] as Num), tick);
  }
}

import type { RecordView, Value } from '@skep/bpf';
import type { Num } from '../contract/stream.ts';
import { minus, plus, positive, toNum } from '../num.ts';
import type { Row } from '../series/row.ts';
import { NumberColumn } from './column.ts';
import type { Entries, Read } from './entry.ts';

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

  get count(): number {
    return this.#reads.length;
  }

  /** The `i`-th of the numbers; an array only where the type is one. */
  value(i: number, view: RecordView, offset: number): Value {
    const read = this.#reads[i]!;
    let value = read(view, offset);
    for (let part = 1; part < this.#parts; part++)
      value = sum(value, read(view, offset + part * this.#stride));
    return value;
  }
}

/** Both together, arrays element by element. */
export function sum(a: Value, b: Value): Value {
  if (Array.isArray(a) && Array.isArray(b)) return a.map((v, i) => plus(toNum(v), toNum(b[i] ?? 0)));
  return plus(toNum(a), toNum(b));
}

/** Entries whose members are numbers. There may be millions, most of them in the overflow row: no object for any. */
export abstract class NumberEntries implements Entries {
  readonly #sums: Sums;
  /** As read now, a column a member. */
  protected readonly now: readonly NumberColumn[];
  /** As it went into the row. */
  protected readonly last: readonly NumberColumn[];

  constructor(sums: Sums) {
    this.#sums = sums;
    const columns = () => Array.from({ length: sums.count }, () => new NumberColumn());
    this.now = columns();
    this.last = columns();
  }

  read(slot: number, view: RecordView, offset: number): void {
    for (let i = 0; i < this.now.length; i++)
      this.now[i]!.set(slot, toNum(this.#sums.value(i, view, offset)));
  }

  more(slot: number, view: RecordView, offset: number): void {
    for (const [i, now] of this.now.entries())
      now.set(slot, plus(now.get(slot), toNum(this.#sums.value(i, view, offset))));
  }

  abstract settle(
    slot: number,
    row: Row,
    first: boolean,
    tick: number,
    keys: RecordView,
    keyAt: number,
  ): void;

  leave(_slot: number, _row: Row, _tick: number): void {}

  forget(slot: number): void {
    for (const last of this.last) last.set(slot, 0);
  }
}

/** What a number that only grows grew by; after a fall, which is a reset, all that it has. Below zero it has nothing. */
export function grownBy(now: Num, last: Num): Num {
  const [has, had] = [positive(now), positive(last)];
  return has < had ? has : minus(has, had);
}

/** A row grows by what each entry grew. */
export class CounterEntries extends NumberEntries {
  settle(slot: number, row: Row, first: boolean, tick: number): void {
    for (let i = 0; i < this.now.length; i++) {
      const now = this.now[i]!.get(slot);
      const last = this.last[i]!.get(slot);
      if (now === last && !first) continue;
      if (now < 0) row.stream.belowZero = true;
      row.add(i, grownBy(now, last), tick);
      this.last[i]!.set(slot, now);
    }
  }
}

/** Entries that share a row (the overflow row, keys that read alike) are summed. */
export class GaugeEntries extends NumberEntries {
  settle(slot: number, row: Row, first: boolean, tick: number): void {
    for (let i = 0; i < this.now.length; i++) {
      const now = this.now[i]!.get(slot);
      const last = this.last[i]!.get(slot);
      if (now === last && !first) continue;
      if (row.refs === 1 && !row.overflow) row.set(i, now, tick);
      else row.add(i, minus(now, last), tick);
      this.last[i]!.set(slot, now);
    }
  }

  override leave(slot: number, row: Row, tick: number): void {
    for (let i = 0; i < this.last.length; i++) row.add(i, minus(0, this.last[i]!.get(slot)), tick);
  }
}

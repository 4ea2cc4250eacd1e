import type { RecordView, Value } from '@skep/bpf';
import { minus, plus, toNum } from '../num.ts';
import type { Row } from '../series/row.ts';
import type { MapPlan } from '../streams/plan.ts';
import type { Num } from '../types.ts';

/** What is remembered of one entry of a map. */
export interface Entry {
  /** The poll that saw it last. */
  epoch: number;
  row: Row | undefined;
  /** As read now. */
  now: Value[];
  /** As it went into the row. */
  last: Value[];
  /** It went into the row at least once. */
  known: boolean;
  /** There was no room for a row. */
  leftOut: boolean;
}

/** What a prefix makes of an entry. */
export interface EntryKind {
  make(): Entry;
  /** First value in this poll. */
  read(entry: Entry, view: RecordView, offset: number): void;
  /** A further raw entry with the same key. */
  more(entry: Entry, view: RecordView, offset: number): void;
  /** `keys` and `keyAt` are the entry's key. */
  settle(entry: Entry, row: Row, tick: number, keys: RecordView, keyAt: number): void;
  /** The entry is gone. */
  leave(entry: Entry, row: Row, tick: number): void;
}

type Read = (view: RecordView, offset: number) => Value;

/** The behaviour of a plan's entries. `cpus` parts, `stride` bytes apart, when the map is per CPU. */
export function entryKind(plan: MapPlan, cpus: number, stride: number): EntryKind {
  const parts = plan.perCpu ? cpus : 1;
  const columns = plan.histogram ? histogramColumns(plan) : plan.values;
  const reads = columns.map((i) => plan.valueDecoder.column(i));
  if (plan.stream.kind === 'print') return new PrintEntries(reads, plan, parts, stride);
  const sums = new Sums(reads, parts, stride);
  if (plan.stream.kind === 'counter') return new CounterEntries(sums);
  if (plan.stream.kind === 'gauge') return new GaugeEntries(sums);
  return new HistogramEntries(sums, plan);
}

function histogramColumns(plan: MapPlan): number[] {
  const { value, sum } = plan.histogram!;
  return sum === undefined ? [value] : [value, sum];
}

/** Reads numbers, and arrays of numbers element by element, summed over the CPUs. */
class Sums {
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

function newEntry(): Entry {
  return { epoch: 0, row: undefined, now: [], last: [], known: false, leftOut: false };
}

abstract class NumberEntries implements EntryKind {
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

/** What a number that only grows grew by; after a fall, which is a reset, all that it has. */
function grownBy(now: Num, last: Num): Num {
  return now < last ? now : minus(now, last);
}

class CounterEntries extends NumberEntries {
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
class GaugeEntries extends NumberEntries {
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

class HistogramEntries extends NumberEntries {
  readonly #form: NonNullable<MapPlan['histogram']>['form'];
  readonly #keyRead: Read | undefined;

  constructor(sums: Sums, plan: MapPlan) {
    super(sums);
    const { form, keyColumn } = plan.histogram!;
    this.#form = form;
    this.#keyRead = keyColumn === undefined ? undefined : plan.decoder.column(keyColumn);
  }

  settle(entry: Entry, row: Row, tick: number, keys: RecordView, keyAt: number): void {
    const changed = this.#form === 'slots' ? this.#slots(entry, row) : this.#single(entry, row, keys, keyAt);
    if (changed || !entry.known) row.counted(tick);
    entry.known = true;
  }

  #slots(entry: Entry, row: Row): boolean {
    const histogram = row.histogram!;
    const now = entry.now[0] as Value[];
    const last = (entry.last[0] as Value[] | undefined) ?? [];
    let changed = false;
    for (let i = 0; i < now.length; i++) {
      const grown = Number(grownBy(toNum(now[i]!), toNum(last[i] ?? 0)));
      if (grown === 0) continue;
      histogram.add(i, grown);
      changed = true;
    }
    if (changed && entry.now.length > 1)
      histogram.sum! += Number(grownBy(entry.now[1] as Num, (entry.last[1] as Num | undefined) ?? 0));
    entry.last[0] = now;
    if (entry.now.length > 1) entry.last[1] = entry.now[1]!;
    return changed;
  }

  #single(entry: Entry, row: Row, keys: RecordView, keyAt: number): boolean {
    const now = entry.now[0] as Num;
    const last = (entry.last[0] as Num | undefined) ?? 0;
    if (now === last && (entry.known || this.#form !== 'sampled')) return false;
    entry.last[0] = now;
    const histogram = row.histogram!;
    if (this.#form === 'sampled') {
      histogram.observe(Number(now));
      return true;
    }
    const key = Number(toNum(this.#keyRead!(keys, keyAt)));
    const times = Number(grownBy(now, last));
    if (this.#form === 'value_key') histogram.observe(key, times);
    else histogram.add(key, times);
    return true;
  }
}

/** Rows as they stand. Numbers of a per-CPU map are summed, other members are the first CPU's that has any. */
class PrintEntries implements EntryKind {
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

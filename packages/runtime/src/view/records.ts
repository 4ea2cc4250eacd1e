import type { RecordView, Value } from '@skep/bpf';
import type { Stream } from '../contract/stream.ts';
import { RecordArena } from './arena.ts';
import { clockTime } from './format.ts';
import {
  compareKeys,
  compileFilter,
  type Query,
  type Row,
  type SortKey,
  type TableModel,
  type ViewColumn,
} from './model.ts';

/** How much of a stream is kept, and how much of it one frame may decode for the filter. */
export interface RecordLimits {
  readonly records: number;
  readonly bytes: number;
  readonly testsPerFrame: number;
}

/** 10,000 rows as issue 3 asks, 4 MiB a stream at most. */
export const RECORD_LIMITS: RecordLimits = { records: 10_000, bytes: 4 << 20, testsPerFrame: 2_000 };

const UNTESTED = 0;
const MATCHES = 1;
const FAILS = 2;

/** A record, wherever its bytes are. */
class RecordRow implements Row {
  readonly id: number;
  readonly #stream: Stream;
  readonly #view: RecordView;
  readonly #offset: number;
  readonly #time: number;

  constructor(stream: Stream, id: number, view: RecordView, offset: number, time: number) {
    this.id = id;
    this.#stream = stream;
    this.#view = view;
    this.#offset = offset;
    this.#time = time;
  }

  text(column: number): string {
    return column === 0 ? clockTime(this.#time) : this.#stream.text(column - 1, this.#view, this.#offset);
  }
}

/** The newest records of a `print_` ring or perf buffer. */
export class RecordModel implements TableModel {
  readonly style = 'tail';
  readonly columns: readonly ViewColumn[];
  readonly #stream: Stream;
  readonly #limits: RecordLimits;
  /** A record whose length varies is decoded from a view that ends where it ends. */
  readonly #variable: boolean;
  #live: RecordArena | undefined;
  #shown: RecordArena | undefined;
  #paused = false;
  /** By slot: whether the record passes `#filter`; `#testedUpTo` says from which number on slots are stale. */
  #verdicts: Uint8Array;
  #testedUpTo = 0;
  #filter = '';
  #matches: ((row: Row) => boolean) | undefined;
  #order: number[] | undefined;
  #keys: SortKey[] = [];
  #keyColumn: number | undefined;
  #keyedUpTo = 0;

  constructor(stream: Stream, limits: RecordLimits = RECORD_LIMITS) {
    this.#stream = stream;
    this.#limits = limits;
    this.#verdicts = new Uint8Array(limits.records);
    this.#variable = stream.columns.some((c) => c.kind === 'array' && c.size === 0);
    this.columns = [
      { title: 'time', right: false, fixed: true, numeric: true },
      ...stream.fields.map((field) => ({
        title: field.name,
        // A formatted number says its unit itself.
        unit: field.source?.format === undefined ? field.unit : undefined,
        right: field.numeric && field.source?.format?.json === undefined,
        numeric: field.numeric,
      })),
    ];
  }

  get paused(): boolean {
    return this.#paused;
  }

  get total(): number {
    return this.#shown?.count ?? 0;
  }

  get length(): number {
    return this.#order?.length ?? this.total;
  }

  /** Copies a record in; nothing is decoded. */
  push(view: RecordView, offset: number, length: number, timeMs: number): void {
    if (this.#live === undefined) {
      const size = Math.max(this.#stream.decoder?.size ?? 0, length, 16);
      const bytes = Math.max(
        Math.min(this.#limits.records * ((size + 7) & ~7), this.#limits.bytes),
        size * 4,
      );
      this.#live = new RecordArena(this.#limits.records, bytes);
      if (!this.#paused) this.#shown = this.#live;
    }
    this.#live.push(view.u8, offset, length, timeMs);
  }

  refresh(query: Query): boolean {
    const arena = this.#shown;
    if (arena === undefined) return false;
    const more = this.#test(arena, query.filter);
    if (this.#matches === undefined && query.sort === undefined) {
      this.#order = undefined;
      return more;
    }
    const order: number[] = [];
    for (let seq = arena.first; seq < arena.next; seq++) {
      if (this.#matches === undefined || this.#verdicts[seq % arena.maxRecords] === MATCHES) order.push(seq);
    }
    if (query.sort !== undefined) this.#sort(arena, order, query.sort, query.descending);
    this.#order = order;
    return more;
  }

  /** Tests the newest records first, `testsPerFrame` of them, and remembers the verdicts. */
  #test(arena: RecordArena, filter: string): boolean {
    if (filter !== this.#filter) {
      this.#filter = filter;
      this.#matches = filter.trim() === '' ? undefined : compileFilter(filter, this.columns);
      this.#verdicts.fill(UNTESTED);
      this.#testedUpTo = arena.next;
    }
    if (this.#matches === undefined) return false;
    for (let seq = Math.max(this.#testedUpTo, arena.first); seq < arena.next; seq++) {
      this.#verdicts[seq % arena.maxRecords] = UNTESTED;
    }
    this.#testedUpTo = arena.next;
    let budget = this.#limits.testsPerFrame;
    for (let seq = arena.next - 1; seq >= arena.first; seq--) {
      const slot = seq % arena.maxRecords;
      if (this.#verdicts[slot] !== UNTESTED) continue;
      if (budget-- === 0) return true;
      this.#verdicts[slot] = this.#matches(this.#row(arena, seq)) ? MATCHES : FAILS;
    }
    return false;
  }

  /** Sort keys are read once a record and kept by slot while the column stays. */
  #sort(arena: RecordArena, order: number[], column: number, descending: boolean): void {
    if (column !== this.#keyColumn) {
      this.#keyColumn = column;
      this.#keys = [];
      this.#keyedUpTo = arena.first;
    }
    const keys = this.#keys;
    const size = arena.maxRecords;
    for (let seq = Math.max(this.#keyedUpTo, arena.first); seq < arena.next; seq++) {
      keys[seq % size] = this.#key(arena, seq, column);
    }
    this.#keyedUpTo = arena.next;
    const sign = descending ? -1 : 1;
    order.sort((a, b) => sign * compareKeys(keys[a % size]!, keys[b % size]!) || a - b);
  }

  #key(arena: RecordArena, seq: number, column: number): SortKey {
    if (column === 0) return arena.time(seq);
    const [view, offset] = this.#place(arena, seq);
    const value: Value = this.#stream.read(column - 1, view, offset);
    if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string') return value;
    return typeof value === 'boolean' ? Number(value) : this.#stream.text(column - 1, view, offset);
  }

  #place(arena: RecordArena, seq: number): [RecordView, number] {
    const offset = arena.offset(seq);
    if (!this.#variable) return [arena.view, offset];
    const length = arena.length(seq);
    const u8 = arena.view.u8.subarray(offset, offset + length);
    return [{ u8, dv: new DataView(u8.buffer, u8.byteOffset, u8.byteLength) }, 0];
  }

  #row(arena: RecordArena, seq: number): RecordRow {
    const [view, offset] = this.#place(arena, seq);
    return new RecordRow(this.#stream, seq, view, offset, arena.time(seq));
  }

  #seq(index: number): number {
    return this.#order === undefined ? this.#shown!.first + index : this.#order[index]!;
  }

  at(index: number): Row {
    return this.#row(this.#shown!, this.#seq(index));
  }

  indexOf(id: number): number {
    const arena = this.#shown;
    if (arena === undefined || id < arena.first || id >= arena.next) return -1;
    return this.#order === undefined ? id - arena.first : this.#order.indexOf(id);
  }

  pin(index: number): Row {
    const arena = this.#shown!;
    const seq = this.#seq(index);
    const offset = arena.offset(seq);
    const u8 = arena.view.u8.slice(offset, offset + arena.length(seq));
    return new RecordRow(this.#stream, seq, { u8, dv: new DataView(u8.buffer) }, 0, arena.time(seq));
  }

  /** While paused a copy is shown: nothing that arrives meanwhile is lost, and nothing on screen moves. */
  pause(on: boolean): void {
    if (on === this.#paused) return;
    this.#paused = on;
    this.#shown = on ? this.#live?.snapshot() : this.#live;
    if (!on) this.#order = undefined;
  }

  clear(): void {
    this.#live?.clear();
    if (!this.#paused) this.#order = undefined;
  }
}

import { type BpfMap, type EntryWalk, RawKeyTable, type RecordView, recordView } from '@skep/bpf';
import type { Row } from '../series/row.ts';
import type { Rows } from '../series/rows.ts';
import type { MapPlan } from '../streams/plan.ts';
import { IntegerColumn, PagedArray } from './column.ts';
import type { Entries } from './entry.ts';
import { entriesOf } from './entry-kind.ts';
import type { Slice } from './slice.ts';

/** The part of a `BpfMap` that a poll needs. */
export type PolledMap = Pick<BpfMap, 'keySize' | 'valueSize' | 'valueBytes' | 'type' | 'maxEntries' | 'walk'>;

/** Maps that refuse a key when they are full; others make room or have all their entries from the start. */
const FILLS = new Set(['hash', 'percpu_hash', 'lpm_trie']);

export interface PollOptions {
  plan: MapPlan;
  map: PolledMap;
  rows: Rows;
  /** CPUs a per-CPU value has parts for. */
  cpus: number;
  clock: { readonly tick: number };
  /** A poll failed; the rows keep what they had. */
  onError: (error: unknown) => void;
}

/** Entries between two looks at the clock. */
const PART = 256;
/** Steps in which the table of keys grows between two looks at the clock. */
const STEPS = 16_384;

/** What a slot's entry went through, as bits. */
const HELD = 1; // its value is kept
const SETTLED = 2; // it went into its row
const LEFT_OUT = 4; // it has no row for want of room

/**
 * Follows a hash or array: each refresh reads all entries, matches keys by their raw bytes with what it knows and
 * touches rows only where a value changed. An entry that is gone takes its row with it.
 *
 * A map may have millions of entries, so a refresh works in slices; rows change only once all entries were read. An
 * entry above `maxSeries` costs its key and a few numbers, for a print_ stream (which sums nothing) hardly more than
 * its key.
 */
export class Poll {
  readonly #o: PollOptions;
  readonly #walk: EntryWalk;
  readonly #entries: Entries;
  readonly #keys: RawKeyTable;
  readonly #stride: number;
  /** How often a hash that takes new keys was found with no room for one. */
  foundFull = 0;
  /** Most entries that were found at one reading. */
  peak = 0;
  /** By slot: the refresh that saw it last, 0 when the slot is free. */
  readonly #seen = new IntegerColumn();
  readonly #state = new IntegerColumn();
  readonly #row = new PagedArray<Row>();
  /** Most entries whose values are kept. */
  readonly #mostHeld: number;
  #held = 0;
  /** One more than the highest slot ever used. */
  #top = 0;
  #live = 0;
  #epoch = 0;
  #rawKeys: RecordView;
  #values: RecordView;

  constructor(options: PollOptions) {
    this.#o = options;
    const { map, plan, rows } = options;
    this.#walk = map.walk();
    this.#rawKeys = recordView(this.#walk.keys);
    this.#values = recordView(this.#walk.values);
    const kept = new Set(plan.labels);
    if (plan.histogram?.keyColumn !== undefined) kept.add(plan.histogram.keyColumn);
    const others = plan.decoder.columns.filter((_, i) => !kept.has(i)).map((c) => c.name);
    this.#keys = new RawKeyTable(plan.decoder.keyLayout(others), Number.POSITIVE_INFINITY);
    this.#stride = map.valueBytes;
    this.#entries = entriesOf(plan, options.cpus, Math.ceil(map.valueSize / 8) * 8);
    // As many again as have rows wait with their values, to take the place of rows that leave.
    this.#mostHeld = plan.stream.kind === 'print' ? 2 * rows.options.maxSeries : Number.POSITIVE_INFINITY;
  }

  /**
   * Brings the rows up to date. Small maps are done when it returns; in large ones `slice` lets others have turns, and one
   * that is abandoned before all was read changes nothing.
   */
  async refresh(slice: Slice): Promise<void> {
    this.#epoch++;
    let present = 0;
    let entries = 0;
    try {
      this.#walk.begin();
      while (!this.#walk.ended) {
        if (slice.abandoned) return;
        const next = this.#walk.next();
        let count: number;
        if (typeof next === 'number') count = next;
        else {
          count = await next;
          slice.renew();
        }
        entries += count;
        for (let from = 0; from < count; from += PART) {
          while (!this.#keys.makeRoom(PART, STEPS)) if (slice.over) await slice.turn();
          present += this.#read(from, Math.min(count, from + PART));
          if (slice.over) await slice.turn();
        }
      }
    } catch (error) {
      this.#o.onError(error);
      return;
    }
    this.peak = Math.max(this.peak, entries);
    if (FILLS.has(this.#o.map.type) && entries >= this.#o.map.maxEntries) this.foundFull++;
    // What is gone makes room first, so that a map whose keys all changed does not meet the cap.
    for (let from = 0; present < this.#live && from < this.#top; from += PART) {
      this.#drop(from, Math.min(this.#top, from + PART));
      if (slice.over) await slice.turn();
    }
    for (let from = 0; from < this.#top; from += PART) {
      this.#settle(from, Math.min(this.#top, from + PART));
      if (slice.over) await slice.turn();
    }
  }

  /** Takes up what entries of the piece have; two raw entries of one key (padding differs) count together. */
  #read(from: number, to: number): number {
    const walk = this.#walk;
    if (this.#rawKeys.u8 !== walk.keys) this.#rawKeys = recordView(walk.keys);
    if (this.#values.u8 !== walk.values) this.#values = recordView(walk.values);
    const { keySize } = this.#o.map;
    const { skipZero } = this.#o.plan;
    const [rawKeys, values, keys, stride] = [this.#rawKeys, this.#values, this.#keys, this.#stride];
    const epoch = this.#epoch;
    let present = 0;
    for (let i = from; i < to; i++) {
      if (skipZero && zero(values.u8, i * stride, stride) && keys.find(rawKeys, i * keySize) < 0) continue;
      const slot = keys.slot(rawKeys, i * keySize);
      const before = this.#seen.get(slot);
      if (before === 0) {
        this.#live++;
        if (slot >= this.#top) this.#top = slot + 1;
      }
      if (before !== epoch) {
        this.#seen.set(slot, epoch);
        present++;
        if (this.#hold(slot)) this.#entries.read(slot, values, i * stride);
      } else if (this.#is(slot, HELD)) this.#entries.more(slot, values, i * stride);
    }
    return present;
  }

  /** Whether the slot's value is to be kept. */
  #hold(slot: number): boolean {
    if (this.#is(slot, HELD)) return true;
    if (this.#held >= this.#mostHeld) return false;
    this.#held++;
    this.#mark(slot, HELD, true);
    return true;
  }

  #drop(from: number, to: number): void {
    for (let slot = from; slot < to; slot++) {
      const seen = this.#seen.get(slot);
      if (seen !== 0 && seen !== this.#epoch) this.#remove(slot);
    }
  }

  /** Moves differences into rows. */
  #settle(from: number, to: number): void {
    const { tick } = this.#o.clock;
    const keys = this.#keys;
    for (let slot = from; slot < to; slot++) {
      if (this.#seen.get(slot) !== this.#epoch) continue;
      const row = this.#row.get(slot) ?? this.#place(slot);
      if (row === undefined) continue;
      const first = !this.#is(slot, SETTLED);
      this.#entries.settle(slot, row, first, tick, keys.keys, keys.offset(slot));
      if (first) this.#mark(slot, SETTLED, true);
    }
  }

  /** Finds the entry's row, if there is room for one. */
  #place(slot: number): Row | undefined {
    const { rows } = this.#o;
    const keys = this.#keys;
    const wasLeftOut = this.#is(slot, LEFT_OUT);
    if (wasLeftOut && rows.full) return undefined;
    // One whose value was passed over has to wait for the next refresh.
    const row = this.#is(slot, HELD) ? rows.resolve(keys.keys, keys.offset(slot)) : undefined;
    const leftOut = row === undefined;
    if (leftOut !== wasLeftOut) rows.leftOut += leftOut ? 1 : -1;
    this.#mark(slot, LEFT_OUT, leftOut);
    this.#row.set(slot, row);
    return row;
  }

  #remove(slot: number): void {
    const row = this.#row.get(slot);
    if (this.#is(slot, LEFT_OUT)) this.#o.rows.leftOut--;
    if (this.#is(slot, HELD)) this.#held--;
    if (row) {
      this.#entries.leave(slot, row, this.#o.clock.tick);
      this.#o.rows.release(row);
    }
    this.#entries.forget(slot);
    this.#row.set(slot, undefined);
    this.#state.set(slot, 0);
    this.#seen.set(slot, 0);
    this.#keys.delete(slot);
    this.#live--;
  }

  #is(slot: number, bit: number): boolean {
    return (this.#state.get(slot) & bit) !== 0;
  }

  #mark(slot: number, bit: number, on: boolean): void {
    const state = this.#state.get(slot);
    this.#state.set(slot, on ? state | bit : state & ~bit);
  }
}

function zero(u8: Uint8Array, from: number, length: number): boolean {
  for (let i = from; i < from + length; i++) if (u8[i] !== 0) return false;
  return true;
}

import { type BpfMap, type MapBatch, RawKeyTable, type RecordView, recordView } from '@skep/bpf';
import type { Rows } from '../series/rows.ts';
import type { MapPlan } from '../streams/plan.ts';
import type { Entry, EntryKind } from './entry.ts';
import { entryKind } from './entry-kind.ts';

/** The part of a `BpfMap` that a poll needs. */
export type PolledMap = Pick<
  BpfMap,
  'keySize' | 'valueSize' | 'valueBytes' | 'type' | 'maxEntries' | 'newBatch' | 'readBatch'
>;

/** Hashes that refuse a key when they are full; others make room or have all their entries from the start. */
const FILLS = new Set(['hash', 'percpu_hash']);

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

/**
 * Follows a hash or array: each refresh reads all entries, matches keys by their raw bytes with what it knows and
 * touches rows only where a value changed. An entry that is gone takes its row with it.
 */
export class Poll {
  readonly #o: PollOptions;
  readonly #kind: EntryKind;
  readonly #entries: (Entry | undefined)[] = [];
  readonly #batch: MapBatch;
  readonly #stride: number;
  /** How often a hash that takes new keys was found with no room for one. */
  foundFull = 0;
  #epoch = 0;
  #live = 0;
  #rawKeys: RecordView;
  #values: RecordView;
  readonly #keys: RawKeyTable;

  constructor(options: PollOptions) {
    this.#o = options;
    const { map, plan } = options;
    this.#batch = map.newBatch();
    this.#rawKeys = recordView(this.#batch.keys);
    this.#values = recordView(this.#batch.values);
    const kept = new Set(plan.labels);
    if (plan.histogram?.keyColumn !== undefined) kept.add(plan.histogram.keyColumn);
    const others = plan.decoder.columns.filter((_, i) => !kept.has(i)).map((c) => c.name);
    this.#keys = new RawKeyTable(plan.decoder.keyLayout(others), Number.POSITIVE_INFINITY);
    this.#stride = map.valueBytes;
    this.#kind = entryKind(plan, options.cpus, Math.ceil(map.valueSize / 8) * 8);
  }

  refresh(): void {
    const { map, onError } = this.#o;
    const batch = this.#batch;
    let count: number;
    try {
      count = map.readBatch(batch);
    } catch (error) {
      onError(error);
      return;
    }
    if (FILLS.has(map.type) && count >= map.maxEntries) this.foundFull++;
    if (this.#rawKeys.u8 !== batch.keys) this.#rawKeys = recordView(batch.keys);
    if (this.#values.u8 !== batch.values) this.#values = recordView(batch.values);
    this.#epoch++;
    const present = this.#read(count, this.#rawKeys, this.#values);
    this.#settle(present);
  }

  /** First pass: sums up what each key has; two raw entries of one key (padding differs) count together. */
  #read(count: number, rawKeys: RecordView, values: RecordView): number {
    const { keySize } = this.#o.map;
    const { skipZero } = this.#o.plan;
    const keys = this.#keys;
    const stride = this.#stride;
    let present = 0;
    for (let i = 0; i < count; i++) {
      if (skipZero && zero(values.u8, i * stride, stride) && keys.find(rawKeys, i * keySize) < 0) continue;
      const slot = keys.slot(rawKeys, i * keySize);
      let entry = this.#entries[slot];
      if (entry === undefined) {
        entry = this.#kind.make();
        this.#entries[slot] = entry;
        this.#live++;
      }
      if (entry.epoch === this.#epoch) this.#kind.more(entry, values, i * stride);
      else {
        entry.epoch = this.#epoch;
        present++;
        this.#kind.read(entry, values, i * stride);
      }
    }
    return present;
  }

  /** Second pass: drops what is gone, moves differences into rows. */
  #settle(present: number): void {
    const { clock } = this.#o;
    const keys = this.#keys;
    const entries = this.#entries;
    // What is gone makes room first, so that a map whose keys all changed does not meet the cap.
    for (let slot = 0; present < this.#live && slot < entries.length; slot++) {
      const entry = entries[slot];
      if (entry !== undefined && entry.epoch !== this.#epoch) this.#remove(slot, entry);
    }
    for (let slot = 0; slot < entries.length; slot++) {
      const entry = entries[slot];
      if (entry === undefined) continue;
      if (entry.row === undefined && !this.#place(entry, slot)) continue;
      this.#kind.settle(entry, entry.row!, clock.tick, keys.keys, keys.offset(slot));
    }
  }

  /** Finds the entry's row, if there is room for one. */
  #place(entry: Entry, slot: number): boolean {
    const { rows } = this.#o;
    const keys = this.#keys;
    if (entry.leftOut && rows.full) return false;
    entry.row = rows.resolve(keys.keys, keys.offset(slot));
    const leftOut = entry.row === undefined;
    if (leftOut !== entry.leftOut) rows.leftOut += leftOut ? 1 : -1;
    entry.leftOut = leftOut;
    return !leftOut;
  }

  #remove(slot: number, entry: Entry): void {
    if (entry.leftOut) this.#o.rows.leftOut--;
    if (entry.row) {
      this.#kind.leave(entry, entry.row, this.#o.clock.tick);
      this.#o.rows.release(entry.row);
    }
    this.#entries[slot] = undefined;
    this.#keys.delete(slot);
    this.#live--;
  }
}

function zero(u8: Uint8Array, from: number, length: number): boolean {
  for (let i = from; i < from + length; i++) if (u8[i] !== 0) return false;
  return true;
}

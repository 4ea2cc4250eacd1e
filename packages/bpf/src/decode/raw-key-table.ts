import { BpfError } from '../errors.ts';
import type { KeyLayout } from './key-layout.ts';
import { compileKeyLoader } from './raw-key-loader.ts';
import { recordView } from './record-view.ts';
import type { RecordView } from './types.ts';

/**
 * Numbers the distinct keys among records, comparing raw bytes: nothing is decoded until somebody asks what a
 * slot's key is. Padding and what follows a text's NUL never split a key in two.
 *
 * ```ts
 * const table = new RawKeyTable(decoder.keyLayout(['le']), 10_000);
 * ring.drain((offset) => { const slot = table.slot(ring.view, offset); if (slot >= 0) counts[slot]++; });
 * decoder.decode(table.keys, table.offset(0));
 * ```
 */
export class RawKeyTable {
  /** Most keys it takes. */
  readonly capacity: number;
  readonly #layout: KeyLayout;
  readonly #words: number;
  readonly #load: (u8: Uint8Array, dv: DataView, offset: number, into: Int32Array) => number;
  readonly #key: Int32Array;
  /** Open addressing, linear: slot + 1, or 0 where free. Twice as long as there are slots at least. */
  #index: Int32Array;
  #hashes: Int32Array;
  #stored: Int32Array;
  #keys: RecordView;
  readonly #free: number[] = [];
  #used = 0;
  /** A larger index, and larger arrays for the slots, on their way to take over; see {@link makeRoom}. */
  #nextIndex: { index: Int32Array; at: number } | undefined;
  #nextSlots: { hashes: Int32Array; stored: Int32Array; keys: RecordView; at: number } | undefined;

  constructor(layout: KeyLayout, capacity: number) {
    this.capacity = capacity;
    this.#layout = layout;
    const loader = compileKeyLoader(layout);
    this.#load = loader.load;
    this.#words = loader.words;
    this.#key = new Int32Array(loader.words);
    const slots = Math.min(capacity, 16);
    this.#index = new Int32Array(32);
    this.#hashes = new Int32Array(slots);
    this.#stored = new Int32Array(slots * loader.words);
    this.#keys = recordView(new Uint8Array(slots * layout.size));
  }

  /** Keys it holds now. */
  get size(): number {
    return this.#used - this.#free.length;
  }

  /** Records with the key of each slot, everything else zero; where a slot's lies, {@link offset} says. */
  get keys(): RecordView {
    return this.#keys;
  }

  /** Where in {@link keys} the record of a slot begins. */
  offset(slot: number): number {
    return slot * this.#layout.size;
  }

  /**
   * The slot of the key in the record at `offset`, a new one if need be; -1 when the table is full.
   * @throws {BpfError} `SKEP_RECORD_SHORT` when the record lies outside of the view
   */
  slot(view: RecordView, offset: number): number {
    const hash = this.#hash(view, offset);
    const at = this.#probe(hash);
    const found = this.#index[at]! - 1;
    return found >= 0 ? found : this.#insert(at, hash, view.u8, offset);
  }

  /** As {@link slot}, but -1 when the key is not there. */
  find(view: RecordView, offset: number): number {
    return this.#index[this.#probe(this.#hash(view, offset))]! - 1;
  }

  /** Forgets a slot's key; the number will be given out again. False when the slot has no key. */
  delete(slot: number): boolean {
    if (!(slot >= 0 && slot < this.#used)) return false;
    const index = this.#index;
    const mask = index.length - 1;
    let hole = this.#hashes[slot]! & mask;
    while (index[hole] !== slot + 1) {
      if (index[hole] === 0) return false;
      hole = (hole + 1) & mask;
    }
    // Move back what was pushed past the hole, so that no search stops short of it.
    for (let at = (hole + 1) & mask; index[at] !== 0; at = (at + 1) & mask) {
      const home = this.#hashes[index[at]! - 1]! & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      index[hole] = index[at]!;
      hole = at;
    }
    index[hole] = 0;
    this.#changed();
    this.#free.push(slot);
    return true;
  }

  #hash(view: RecordView, offset: number): number {
    const { size } = this.#layout;
    if (!(offset >= 0 && offset + size <= view.u8.length)) {
      throw new BpfError(
        'SKEP_RECORD_SHORT',
        `A record at ${offset} ends after the ${view.u8.length} bytes there are.`,
        {
          hint: `Its type has ${size} bytes; compare the record's length before looking its key up.`,
        },
      );
    }
    return this.#load(view.u8, view.dv, offset, this.#key);
  }

  /** Where in the index the loaded key is, or would go. */
  #probe(hash: number): number {
    const index = this.#index;
    const mask = index.length - 1;
    const key = this.#key;
    const words = this.#words;
    let at = hash & mask;
    for (;;) {
      const slot = index[at]! - 1;
      if (slot < 0) return at;
      if (this.#hashes[slot] === hash) {
        const stored = this.#stored;
        const base = slot * words;
        let i = 0;
        while (i < words && stored[base + i] === key[i]) i++;
        if (i === words) return at;
      }
      at = (at + 1) & mask;
    }
  }

  #insert(at: number, hash: number, u8: Uint8Array, offset: number): number {
    if (this.size >= this.capacity) return -1;
    this.#changed();
    const slot = this.#free.pop() ?? this.#used++;
    if (slot >= this.#hashes.length) this.#grow();
    this.#hashes[slot] = hash;
    this.#stored.set(this.#key, slot * this.#words);
    this.#copyKey(slot, u8, offset);
    this.#index[at] = slot + 1;
    if (this.size * 2 > this.#index.length) this.#rehash();
    return slot;
  }

  #copyKey(slot: number, u8: Uint8Array, offset: number): void {
    const { size, mask, strings } = this.#layout;
    const base = slot * size;
    const to = this.#keys.u8;
    for (let i = 0; i < size; i++) to[base + i] = u8[offset + i]! & mask[i]!;
    for (const s of strings) {
      const start = base + s.offset;
      const nul = to.subarray(start, start + s.size).indexOf(0);
      if (nul >= 0) to.fill(0, start + nul, start + s.size);
    }
  }

  /**
   * Does a part of the work that lets {@link slot} take `more` further keys at once, at most some `steps` steps of
   * a few nanoseconds; true when all is done. A large table grows for many milliseconds: who must not be held up
   * that long calls this again and again, and in between nothing that changes the table.
   */
  makeRoom(more: number, steps: number): boolean {
    if ((this.size + more) * 2 > this.#index.length && !this.#moveIndex(steps)) return false;
    return this.#used + more <= this.#hashes.length || this.#hashes.length >= this.capacity
      ? true
      : this.#moveSlots(Math.max(1, Math.floor(steps / this.#words)));
  }

  /** What was copied for {@link makeRoom} is no longer what is here. */
  #changed(): void {
    this.#nextIndex = undefined;
    this.#nextSlots = undefined;
  }

  #grow(): void {
    while (!this.#moveSlots(Number.POSITIVE_INFINITY));
  }

  #rehash(): void {
    while (!this.#moveIndex(Number.POSITIVE_INFINITY));
  }

  #moveSlots(steps: number): boolean {
    const { size } = this.#layout;
    if (this.#nextSlots === undefined) {
      const slots = Math.min(this.capacity, this.#hashes.length * 2);
      const keys = recordView(new Uint8Array(slots * size));
      const words = (n: number) => new Int32Array(n);
      this.#nextSlots = { hashes: words(slots), stored: words(slots * this.#words), keys, at: 0 };
    }
    const next = this.#nextSlots;
    const to = Math.min(this.#used, next.at + steps);
    const w = this.#words;
    next.hashes.set(this.#hashes.subarray(next.at, to), next.at);
    next.stored.set(this.#stored.subarray(next.at * w, to * w), next.at * w);
    next.keys.u8.set(this.#keys.u8.subarray(next.at * size, to * size), next.at * size);
    next.at = to;
    if (to < this.#used) return false;
    this.#hashes = next.hashes;
    this.#stored = next.stored;
    this.#keys = next.keys;
    this.#nextSlots = undefined;
    return true;
  }

  #moveIndex(steps: number): boolean {
    const old = this.#index;
    this.#nextIndex ??= { index: new Int32Array(old.length * 2), at: 0 };
    const next = this.#nextIndex;
    const { index } = next;
    const mask = index.length - 1;
    const to = Math.min(old.length, next.at + steps);
    for (let i = next.at; i < to; i++) {
      const entry = old[i]!;
      if (entry === 0) continue;
      let at = this.#hashes[entry - 1]! & mask;
      while (index[at] !== 0) at = (at + 1) & mask;
      index[at] = entry;
    }
    next.at = to;
    if (to < old.length) return false;
    this.#index = index;
    this.#nextIndex = undefined;
    return true;
  }
}

import { Buffer } from 'node:buffer';
import type { RawMap } from '@skep/runtime';
import { SLOTS } from '../latency.ts';
import type { Series } from '../series/series.ts';
import type { KernelKey } from './key.ts';
import { offsets } from './layout.ts';

/** What was counted since the last look. Valid during the call that hands it over. */
export interface Delta {
  /** Slots of latency.ts that counted: slot and count, in turns. */
  readonly slots: number[];
  requests: number;
  /** Nanoseconds. */
  sum: number;
  requestBytes: number;
  responseBytes: number;
}

/** One entry of the map, as long as it is in the kernel. */
export class KernelSeries {
  readonly key: KernelKey;
  readonly bytes: Uint8Array;
  /** The same as words. */
  readonly words: Uint32Array;
  /** Milliseconds, by the clock of {@link KernelCounts.collect}: when nothing of it was there yet, when it was first seen, when it last counted. */
  readonly after: number;
  readonly since: number;
  changedAt: number;
  /** Where its requests went. */
  target: Series | undefined;
  /** Slots as the kernel had them, of those that have counted: slot and count, in turns, by slot. Most series use a few. */
  readonly last: number[] = [];
  /** The sums as the kernel had them, lower and higher words: a look at them tells whether anything changed. */
  sumLow = 0;
  sumHigh = 0;
  requestBytes = 0;
  responseBytes = 0;

  constructor(key: KernelKey, bytes: Uint8Array, after: number, now: number) {
    this.key = key;
    this.bytes = bytes;
    this.words = wordsOf(bytes);
    this.after = after;
    this.since = now;
    this.changedAt = now;
  }
}

/** Told of each entry that counted; false when it cannot say yet whose it is, and is to be told again. */
export type OnDelta = (series: KernelSeries, delta: Delta) => boolean;

/**
 * Follows a map of http_counts. Slots wrap modulo 2^32, so all is by differences; what is the same as at the last look costs a
 * comparison of three words.
 */
export class KernelCounts {
  readonly #map: RawMap['map'];
  readonly #readKey: (dv: DataView, at: number) => KernelKey;
  /** Where they are in a value, words of 32 bits. */
  readonly #at: Record<'slots' | 'sum' | 'request_bytes' | 'response_bytes', number>;
  readonly #all = new Map<string, KernelSeries>();
  /** As they came at the last look: the next one mostly meets them in the same order. */
  readonly #order: KernelSeries[] = [];
  readonly #walk: ReturnType<RawMap['map']['walk']>;
  /** When all was read the last time. */
  #looked: number;
  readonly #delta: Delta = {
    slots: [],
    requests: 0,
    sum: 0,
    requestBytes: 0,
    responseBytes: 0,
  };

  /**
   * Of a hash by http_series, or an array by role: `readKey` knows which.
   *
   * @param begun by the clock of {@link collect}: nothing has been counted before
   */
  constructor(requests: RawMap, readKey: (dv: DataView, at: number) => KernelKey, begun: number) {
    this.#looked = begun;
    this.#map = requests.map;
    this.#readKey = readKey;
    const at = offsets(requests.value, 'http_counts', ['slots', 'sum', 'request_bytes', 'response_bytes']);
    this.#at = {
      slots: at.slots / 4,
      sum: at.sum / 4,
      request_bytes: at.request_bytes / 4,
      response_bytes: at.response_bytes / 4,
    };
    this.#walk = requests.map.walk();
  }

  /** Entries that were there at the last look. */
  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): Iterator<KernelSeries> {
    return this.#all.values();
  }

  /** Reads all entries and hands over what changed. `now`: milliseconds of any clock that never goes back. */
  async collect(now: number, onDelta: OnDelta): Promise<void> {
    const walk = this.#walk;
    const { keySize, valueBytes } = this.#map;
    const after = this.#looked;
    this.#looked = now;
    walk.begin();
    let n = 0;
    while (!walk.ended) {
      const next = walk.next();
      const count = typeof next === 'number' ? next : await next;
      const keys = Buffer.from(walk.keys.buffer, walk.keys.byteOffset, walk.keys.byteLength);
      const words = wordsOf(walk.values);
      const keyWords = wordsOf(walk.keys);
      for (let i = 0; i < count; i++) {
        let series = this.#order[n];
        if (!series || !isAt(keyWords, (i * keySize) / 4, series.words)) {
          series = this.#seriesAt(keys, i * keySize, after, now);
          this.#order[n] = series;
        }
        n++;
        const at = (i * valueBytes) / 4;
        if (!this.#changed(series, words, at)) continue;
        this.#difference(series, words, at);
        if (this.#delta.requests === 0 || !onDelta(series, this.#delta)) continue;
        this.#settle(series, words, at);
        series.changedAt = now;
      }
    }
    this.#order.length = n;
  }

  /**
   * Takes an entry out of the kernel; what it counted since the last look is handed over. Nothing may count there any more: the
   * caller has seen to it that its key is not made again.
   */
  take(series: KernelSeries, onDelta: (series: KernelSeries, delta: Delta) => void): void {
    this.#all.delete(Buffer.from(series.bytes).toString('latin1'));
    // If its key is made anew, that is another.
    this.#order.length = 0;
    const last = this.#map.take(series.bytes);
    if (!last) return;
    this.#difference(series, wordsOf(last), 0);
    if (this.#delta.requests > 0) onDelta(series, this.#delta);
  }

  #seriesAt(keys: Buffer, at: number, after: number, now: number): KernelSeries {
    const text = keys.toString('latin1', at, at + this.#map.keySize);
    let series = this.#all.get(text);
    if (series === undefined) {
      const bytes = Uint8Array.from(keys.subarray(at, at + this.#map.keySize));
      series = new KernelSeries(this.#readKey(new DataView(bytes.buffer), 0), bytes, after, now);
      this.#all.set(text, series);
    }
    return series;
  }

  /** A request of no duration changes no sum; it is in the first slot. */
  #changed(series: KernelSeries, words: Uint32Array, at: number): boolean {
    const o = this.#at;
    return (
      words[at + o.sum] !== series.sumLow ||
      words[at + o.slots] !== (series.last[0] === 0 ? series.last[1] : 0) ||
      words[at + o.sum + 1] !== series.sumHigh
    );
  }

  #difference(series: KernelSeries, words: Uint32Array, at: number): void {
    const { slots: from, sum, request_bytes, response_bytes } = this.#at;
    const delta = this.#delta;
    const { slots } = delta;
    const { last } = series;
    let requests = 0;
    let known = 0;
    let next = last.length > 0 ? last[0]! : SLOTS;
    let length = 0;
    const first = at + from;
    for (let slot = 0; slot < SLOTS; slot++) {
      const count = words[first + slot]!;
      let before = 0;
      if (slot === next) {
        before = last[known + 1]!;
        known += 2;
        next = known < last.length ? last[known]! : SLOTS;
      }
      if (count === before) continue;
      const more = (count - before) >>> 0;
      slots[length++] = slot;
      slots[length++] = more;
      requests += more;
    }
    slots.length = length;
    delta.requests = requests;
    delta.sum = u64(words, at + sum) - (series.sumHigh * 2 ** 32 + series.sumLow);
    delta.requestBytes = u64(words, at + request_bytes) - series.requestBytes;
    delta.responseBytes = u64(words, at + response_bytes) - series.responseBytes;
  }

  /**
   * What was handed over is not handed over again. The kernel adds to slot and sums one after the other: where a sum is behind
   * its slot, the rest comes with the next look.
   */
  #settle(series: KernelSeries, words: Uint32Array, at: number): void {
    const { slots, sum, request_bytes, response_bytes } = this.#at;
    const { last } = series;
    let length = 0;
    const first = at + slots;
    for (let slot = 0; slot < SLOTS; slot++) {
      const count = words[first + slot]!;
      if (count === 0) continue;
      last[length++] = slot;
      last[length++] = count;
    }
    last.length = length;
    series.sumLow = words[at + sum]!;
    series.sumHigh = words[at + sum + 1]!;
    series.requestBytes = u64(words, at + request_bytes);
    series.responseBytes = u64(words, at + response_bytes);
  }
}

/** Whether these words stand at a place. */
function isAt(words: Uint32Array, at: number, those: Uint32Array): boolean {
  for (let i = 0; i < those.length; i++) if (words[at + i] !== those[i]) return false;
  return those.length > 0;
}

/** Keys and values as words of 32 bits. Every machine that runs this has the lower word first, as the kernel's maps then do. */
function wordsOf(values: Uint8Array): Uint32Array {
  const aligned = values.byteOffset % 4 === 0 ? values : Uint8Array.from(values);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >>> 2);
}

/** Exact up to 2^53: 104 days of durations, 8 PiB of bodies. */
function u64(words: Uint32Array, at: number): number {
  return words[at + 1]! * 2 ** 32 + words[at]!;
}

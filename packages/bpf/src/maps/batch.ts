import { Buffer } from 'node:buffer';
import { Errno } from '../kernel/errno.ts';
import { isNativeError, native } from '../native.ts';

/** Buffers that a whole map is read into; made by {@link BpfMap.newBatch}. */
export interface MapBatch {
  /** `count` keys, one after another. Replaced by a larger one when the map outgrows it. */
  keys: Uint8Array;
  /** `count` values, one after another. Replaced likewise. */
  values: Uint8Array;
  count: number;
  readonly keySize: number;
  readonly valueBytes: number;
  /** Entries the buffers have room for. */
  capacity: number;
  /** Where the kernel left off, and where it goes on. */
  readonly cursors: readonly [Uint8Array, Uint8Array];
}

/** A map of a million entries need not be full: begin smaller and grow. */
const firstCapacity = 1024;

export function newBatch(keySize: number, valueBytes: number, maxEntries: number): MapBatch {
  const capacity = Math.max(1, Math.min(maxEntries, firstCapacity));
  // A hash map's cursor is a u32 bucket number, other maps' is a key.
  const cursor = () => new Uint8Array(Math.max(keySize, 8));
  return {
    keys: new Uint8Array(capacity * keySize),
    values: new Uint8Array(capacity * valueBytes),
    count: 0,
    keySize,
    valueBytes,
    capacity,
    cursors: [cursor(), cursor()],
  };
}

/** Entries that really fit: the kernel is told how many it may write, and the buffers are anybody's to change. */
export function roomOf(b: MapBatch): number {
  const entries = (bytes: number, size: number) => (size === 0 ? 0xffff_ffff : Math.floor(bytes / size));
  const cursorsFit = b.cursors.every((c) => c.length >= Math.max(b.keySize, 8));
  return cursorsFit ? Math.min(entries(b.keys.length, b.keySize), entries(b.values.length, b.valueBytes)) : 0;
}

function grow(b: MapBatch): void {
  const filled = b.capacity;
  b.capacity = Math.max(1, filled * 2);
  const keys = new Uint8Array(b.capacity * b.keySize);
  const values = new Uint8Array(b.capacity * b.valueBytes);
  if (filled > 0) {
    keys.set(b.keys.subarray(0, filled * b.keySize));
    values.set(b.values.subarray(0, filled * b.valueBytes));
  }
  b.keys = keys;
  b.values = values;
}

/** BPF_MAP_LOOKUP_BATCH until the end of the map; undefined when this map has no such operation. */
function inBatches(fd: number, b: MapBatch): number | undefined {
  const n = native();
  let [from, next]: [Uint8Array | null, Uint8Array] = [null, b.cursors[0]];
  let count = 0;
  for (;;) {
    if (count === b.capacity) grow(b);
    const got = n.mapBatch(
      fd,
      from,
      next,
      b.keys,
      count * b.keySize,
      b.values,
      count * b.valueBytes,
      b.capacity - count,
    );
    if (got >= 0) {
      count += got;
      from = next;
      next = from === b.cursors[0] ? b.cursors[1] : b.cursors[0];
      continue;
    }
    const errno = Math.floor((-got - 1) / 2 ** 32);
    if (errno === Errno.ENOENT) {
      b.count = count + ((-got - 1) % 2 ** 32);
      return b.count;
    }
    // A hash map gives whole buckets only: the next one does not fit.
    if (errno === Errno.ENOSPC) grow(b);
    else if (errno !== Errno.EAGAIN && errno !== 4 /* EINTR */) return undefined;
  }
}

/**
 * Key by key. When the key we stand on is deleted, the kernel starts over: what was seen already is passed
 * over, and after a walk twice as long as the map can be we take what we have.
 */
function keyByKey(fd: number, b: MapBatch, maxEntries: number): number {
  const n = native();
  const seen = new Set<string>();
  let [key, next]: [Uint8Array | null, Uint8Array] = [null, b.cursors[0].subarray(0, b.keySize)];
  const other = b.cursors[1].subarray(0, b.keySize);
  let count = 0;
  for (let step = 0; step < 2 * maxEntries + 16 && n.mapNextKey(fd, key, next); step++) {
    const text = Buffer.from(next.buffer, next.byteOffset, next.length).toString('latin1');
    if (!seen.has(text)) {
      if (count === b.capacity) grow(b);
      const at = count * b.valueBytes;
      if (lookup(fd, next, b.values.subarray(at, at + b.valueBytes))) {
        b.keys.set(next, count * b.keySize);
        seen.add(text);
        count++;
      }
    }
    const last: Uint8Array = next;
    next = key ?? other;
    key = last;
  }
  b.count = count;
  return count;
}

/** Reads one value; false when there is none. */
export function lookup(fd: number, key: Uint8Array, value: Uint8Array): boolean {
  try {
    return native().mapLookup(fd, key, value, 0, false);
  } catch (e) {
    // An empty slot of an array of programs, events or sockets.
    if (isNativeError(e) && e.errno === Errno.ENOENT) return false;
    throw e;
  }
}

/** The two ways of reading a whole map. */
export const readAll = { inBatches, keyByKey };

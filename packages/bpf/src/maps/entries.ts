import { BpfError } from '../errors.ts';
import { possibleCpus } from '../kernel/cpus.ts';
import { Errno } from '../kernel/errno.ts';
import type { MapType } from '../kernel/types.ts';
import { isNativeError, native } from '../native.ts';
import { type MapBatch, newBatch, readAll, roomOf } from './batch.ts';
import { mapError } from './map-error.ts';
import { type EntryWalk, Walk } from './walk.ts';

/** Read a bucket or a run of indices at a time; elsewhere a deleted key would begin the walk anew, endlessly. */
const batchTypes: ReadonlySet<MapType> = new Set([
  'hash',
  'lru_hash',
  'percpu_hash',
  'lru_percpu_hash',
  'array',
  'percpu_array',
]);

/** `flags` of {@link BpfMap.set} (BPF_ANY, BPF_NOEXIST, BPF_EXIST). */
export const MapUpdate = { any: 0, noExist: 1, exist: 2 } as const;

/** Sizes of a map's entries, in bytes. */
export interface EntrySizes {
  readonly name: string;
  readonly keySize: number;
  /** Of one CPU. */
  readonly valueSize: number;
}

/** What is in a map: read, written and walked, as raw bytes in the kernel's layout. Which map it is, {@link BpfMap} knows. */
export abstract class MapEntries {
  readonly name: string;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes of one value, of one CPU; for ring and perf buffers of the record type its definition names, or 0. */
  readonly valueSize: number;
  /** Bytes of what {@link get} returns: all CPUs for a per-CPU map. */
  readonly valueBytes: number;
  /** Whether values are per CPU. */
  readonly perCpu: boolean;
  #noBatch: boolean;
  /** Whether the kernel has no operation that reads and deletes at once. */
  #noTake = false;
  /** Whether the kernel's map has been seen to have the sizes that buffers are made for. */
  #measured = false;

  constructor({ name, keySize, valueSize }: EntrySizes, type: MapType) {
    this.name = name;
    this.keySize = keySize;
    this.valueSize = valueSize;
    this.perCpu = type.includes('percpu');
    this.#noBatch = !batchTypes.has(type);
    this.valueBytes = this.perCpu ? Math.ceil(valueSize / 8) * 8 * possibleCpus() : valueSize;
  }

  /** @throws {BpfError} `SKEP_CLOSED`, `SKEP_STATE` before load */
  abstract get fd(): number;
  abstract get type(): MapType;
  abstract get maxEntries(): number;

  /** The value of `key`, copied; undefined when there is none. @throws {BpfError} `SKEP_ARGUMENT`, `SKEP_MAP_OPERATION` */
  get(key: Uint8Array): Uint8Array | undefined {
    this.#checkKey(key);
    const value = new Uint8Array(this.valueBytes);
    return this.#do('read', (fd) => native().mapLookup(fd, key, value, 0, false)) ? value : undefined;
  }

  /** Writes one entry; `flags` from {@link MapUpdate}. @throws {BpfError} `SKEP_ARGUMENT`, `SKEP_MAP_OPERATION` when it is full */
  set(key: Uint8Array, value: Uint8Array, flags: number = MapUpdate.any): void {
    this.#checkKey(key);
    this.#checkValue(value);
    this.#do('write', (fd) => native().mapUpdate(fd, key, value, flags));
  }

  /** False when there was no such key. @throws {BpfError} `SKEP_ARGUMENT`, `SKEP_UNSUPPORTED` for arrays */
  delete(key: Uint8Array): boolean {
    this.#checkKey(key);
    return this.#do('delete from', (fd) => native().mapDelete(fd, key));
  }

  /**
   * Takes an entry out and returns its last value; undefined when there was none. In one step where the kernel can (5.14 for
   * hashes): what a program adds to the entry up to then is in the value. Elsewhere read, then deleted: a program must not
   * write to it any more.
   * @throws {BpfError} `SKEP_ARGUMENT`, `SKEP_MAP_OPERATION`
   */
  take(key: Uint8Array): Uint8Array | undefined {
    this.#checkKey(key);
    const value = new Uint8Array(this.valueBytes);
    if (!this.#noTake) {
      try {
        return native().mapLookup(this.fd, key, value, 0, true) ? value : undefined;
      } catch (cause) {
        if (!isNativeError(cause)) throw cause;
        const { errno } = cause;
        if (errno !== Errno.EINVAL && errno !== Errno.EOPNOTSUPP && errno !== Errno.ENOTSUPP)
          throw mapError(this.name, this.type, 'take from', cause);
        this.#noTake = true; // this kernel has it for queues and stacks only
      }
    }
    const last = this.get(key);
    return last !== undefined && this.delete(key) ? last : undefined;
  }

  /** Appends to a queue, pushes on a stack. @throws {BpfError} `SKEP_MAP_OPERATION` when it is full */
  push(value: Uint8Array): void {
    this.#checkValue(value);
    this.#do('push to', (fd) => native().mapUpdate(fd, null, value, 0));
  }

  /** Takes the next of a queue or stack; undefined when it is empty. */
  pop(): Uint8Array | undefined {
    const value = new Uint8Array(this.valueBytes);
    return this.#do('pop from', (fd) => native().mapLookup(fd, null, value, 0, true)) ? value : undefined;
  }

  /** The next of a queue or stack, left there; undefined when it is empty. */
  peek(): Uint8Array | undefined {
    const value = new Uint8Array(this.valueBytes);
    return this.#do('peek at', (fd) => native().mapLookup(fd, null, value, 0, false)) ? value : undefined;
  }

  /** All entries, read at the call's first step, each pair its own view that stays valid. */
  *entries(): Generator<[Uint8Array, Uint8Array]> {
    const batch = this.newBatch();
    const count = this.readBatch(batch);
    const { keys, values } = batch;
    const { keySize: k, valueBytes: v } = this;
    for (let i = 0; i < count; i++) {
      yield [keys.subarray(i * k, (i + 1) * k), values.subarray(i * v, (i + 1) * v)];
    }
  }

  [Symbol.iterator](): Generator<[Uint8Array, Uint8Array]> {
    return this.entries();
  }

  /** Buffers for {@link readBatch}, to be used again and again. */
  newBatch(): MapBatch {
    return newBatch(this.keySize, this.valueBytes, this.maxEntries);
  }

  /**
   * Reads the whole map into `into`, whose buffers grow when they must; entry `i` is at `i * keySize` and
   * `i * valueBytes`. Entries that change meanwhile are seen old, new, or not at all, never twice.
   *
   * In batches where the kernel has them (5.6, arrays too), else key by key; then one that stays may be missed too
   * while others are deleted.
   * @returns the count of entries, also in `into.count`
   * @throws {BpfError} `SKEP_ARGUMENT` for another map's buffers, `SKEP_UNSUPPORTED`, `SKEP_MAP_OPERATION`
   */
  readBatch(into: MapBatch): number {
    if (into.keySize !== this.keySize || into.valueBytes !== this.valueBytes) {
      throw this.#wrongLength('batch entry', into.keySize + into.valueBytes, this.keySize + this.valueBytes);
    }
    into.capacity = roomOf(into);
    return this.#do('read', (fd) => {
      if (!this.#noBatch) {
        const count = readAll.inBatches(fd, into);
        if (count !== undefined) return count;
        this.#noBatch = true; // this kernel, or this type of map, has none
      }
      return readAll.keyByKey(fd, into, this.maxEntries);
    });
  }

  /**
   * A walk over all entries in pieces, with buffers of its own that do not grow with the map, to be used again and
   * again; one at a time. Of entries that change between two pieces the same holds as for {@link readBatch}.
   *
   * ```ts
   * const walk = map.walk();
   * walk.begin();
   * while (!walk.ended) {
   *   const count = await walk.next();
   *   use(walk.keys, walk.values, count);
   * }
   * ```
   */
  walk(): EntryWalk {
    return new Walk({
      keySize: this.keySize,
      valueBytes: this.valueBytes,
      maxEntries: this.maxEntries,
      batches: !this.#noBatch,
      indexed: this.type.endsWith('array'),
      fd: () => this.#do('read', (fd) => fd),
      failure: (cause) => mapError(this.name, this.type, 'read', cause),
    });
  }

  #do<T>(verb: string, f: (fd: number) => T): T {
    const fd = this.fd;
    try {
      if (!this.#measured) this.#measure(fd);
      return f(fd);
    } catch (cause) {
      if (!isNativeError(cause)) throw cause;
      throw mapError(this.name, this.type, verb, cause);
    }
  }

  /** The kernel writes as many bytes as its own map has, which may not be the one that was asked for (struct_ops). */
  #measure(fd: number): void {
    const { keySize, valueSize } = native().mapInfo(fd);
    if (keySize !== this.keySize || valueSize !== this.valueSize) {
      throw new BpfError(
        'SKEP_UNSUPPORTED',
        `Map "${this.name}" of type ${this.type} cannot be read or written here: the kernel's has ${keySize} + ${valueSize} bytes an entry, its definition ${this.keySize} + ${this.valueSize}`,
        { hint: 'Ring and perf buffers are read by a reader.', object: this.name },
      );
    }
    this.#measured = true;
  }

  #checkKey(key: Uint8Array): void {
    if (key.length !== this.keySize) throw this.#wrongLength('key', key.length, this.keySize);
  }

  #checkValue(value: Uint8Array): void {
    if (value.length !== this.valueBytes) throw this.#wrongLength('value', value.length, this.valueBytes);
  }

  #wrongLength(what: string, got: number, want: number): BpfError {
    const cpus = what === 'value' && this.perCpu ? ` (${possibleCpus()} CPUs, each padded to 8 bytes)` : '';
    return new BpfError(
      'SKEP_ARGUMENT',
      `A ${what} of map "${this.name}" has ${want} bytes${cpus}, not ${got}`,
      {
        hint: 'Encode it in the layout its BTF type says, padding included.',
        object: this.name,
      },
    );
  }
}

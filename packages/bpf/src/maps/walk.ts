import { Buffer } from 'node:buffer';
import { Errno } from '../kernel/errno.ts';
import { isNativeError, type NativeError, native } from '../native.ts';
import { lookup } from './batch.ts';

/** A walk over all entries of a map, a piece at a time; made by {@link BpfMap.walk}. */
export interface EntryWalk {
  /** Keys of the piece, one after another. Another array once a piece did not fit. */
  readonly keys: Uint8Array;
  /** Values of the piece, one after another. Replaced likewise. */
  readonly values: Uint8Array;
  /** Whether the last piece was taken; true before the first {@link begin}. */
  readonly ended: boolean;
  /** To the beginning of the map. */
  begin(): void;
  /**
   * Reads the next piece and returns how many entries it has, maybe none: a number from most maps, a promise from
   * those in which the kernel may search long for the next entry (it then does so on a thread of the pool).
   * @throws {BpfError} as {@link BpfMap.readBatch}; the promise rejects with it
   */
  next(): number | Promise<number>;
}

/** What a walk needs of its map. */
export interface WalkedMap {
  readonly keySize: number;
  readonly valueBytes: number;
  readonly maxEntries: number;
  /** Whether the kernel may have batch operations for its type. */
  readonly batches: boolean;
  /** Whether keys are indices: none can be deleted under the walk. */
  readonly indexed: boolean;
  /** @throws {BpfError} when the map is closed or cannot be read */
  fd(): number;
  /** The sentence for an errno. */
  failure(cause: NativeError): Error;
}

/** Entries and bytes of a piece: reading and decoding one is to take well under a millisecond, or two. */
const PIECE = 2048;
const PIECE_BYTES = 256 * 1024;
/** A map for more entries than this is read on the pool: passing its empty buckets may alone take milliseconds. */
const LARGE = 65_536;
/** Key by key an entry costs two calls. */
const BY_KEY = 1024;
/** {@link Walk} could not take what the kernel gave and has to ask again. */
const AGAIN = -1;

/** The one implementation of {@link EntryWalk}. */
export class Walk implements EntryWalk {
  keys: Uint8Array;
  values: Uint8Array;
  ended = true;
  readonly #map: WalkedMap;
  readonly #onPool: boolean;
  #room: number;
  #batches: boolean;
  readonly #cursors: readonly [Uint8Array, Uint8Array];
  /** Where the kernel left off, and where it writes that next. */
  #from: Uint8Array | null = null;
  #to: Uint8Array;
  #seen = new Set<string>();
  #steps = 0;

  constructor(map: WalkedMap) {
    this.#map = map;
    this.#onPool = map.maxEntries > LARGE;
    this.#batches = map.batches;
    const { keySize, valueBytes, maxEntries } = map;
    const most = this.#onPool ? 4 * PIECE : PIECE;
    const fit = Math.floor(
      (this.#onPool ? 4 * PIECE_BYTES : PIECE_BYTES) / Math.max(1, keySize + valueBytes),
    );
    this.#room = Math.max(1, Math.min(maxEntries, most, fit));
    this.keys = new Uint8Array(this.#room * keySize);
    this.values = new Uint8Array(this.#room * valueBytes);
    // A hash map's cursor is a u32 bucket number, other maps' is a key.
    const cursor = () => new Uint8Array(Math.max(keySize, 8));
    this.#cursors = [cursor(), cursor()];
    this.#to = this.#cursors[0];
  }

  begin(): void {
    this.ended = false;
    this.#from = null;
    this.#to = this.#cursors[0];
    this.#seen.clear();
    this.#steps = 0;
  }

  next(): number | Promise<number> {
    if (this.ended) return 0;
    const fd = this.#map.fd();
    if (this.#batches && this.#onPool) return this.#pooled(fd);
    while (this.#batches) {
      const { keys, values } = this;
      const count = this.#taken(native().mapBatch(fd, this.#from, this.#to, keys, 0, values, 0, this.#room));
      if (count !== AGAIN) return count;
    }
    try {
      return this.#byKey(fd);
    } catch (cause) {
      throw isNativeError(cause) ? this.#map.failure(cause) : cause;
    }
  }

  async #pooled(fd: number): Promise<number> {
    while (this.#batches) {
      const { keys, values } = this;
      const got = await native().mapBatchOnPool(fd, this.#from, this.#to, keys, values, this.#room);
      const count = this.#taken(got);
      if (count !== AGAIN) return count;
    }
    return await this.next();
  }

  /** What the kernel's answer means: a count, or {@link AGAIN} after what had to be done first. */
  #taken(got: number): number {
    if (got >= 0) {
      this.#advance();
      return got;
    }
    const errno = Math.floor((-got - 1) / 2 ** 32);
    if (errno === Errno.ENOENT) {
      this.ended = true;
      return (-got - 1) % 2 ** 32;
    }
    // A hash map gives whole buckets only: the next one does not fit.
    if (errno === Errno.ENOSPC) this.#grow();
    else if (errno !== Errno.EAGAIN && errno !== 4 /* EINTR */) {
      if (this.#from !== null) throw this.#map.failure(nativeError(errno));
      this.#batches = false; // this kernel, or this type of map, has none
    }
    return AGAIN;
  }

  #advance(): void {
    const [a, b] = this.#cursors;
    this.#from = this.#to;
    this.#to = this.#to === a ? b : a;
  }

  #grow(): void {
    this.#room *= 2;
    this.keys = new Uint8Array(this.#room * this.#map.keySize);
    this.values = new Uint8Array(this.#room * this.#map.valueBytes);
  }

  /**
   * When the key we stand on is deleted, the kernel starts over: what was seen already is passed over, and after a
   * walk twice as long as the map can be we take what we have.
   */
  #byKey(fd: number): number {
    const { keySize, valueBytes, maxEntries, indexed } = this.#map;
    const n = native();
    const room = Math.min(this.#room, BY_KEY);
    let count = 0;
    for (let step = 0; step < BY_KEY && count < room; step++) {
      const to = this.#to.subarray(0, keySize);
      const from = this.#from?.subarray(0, keySize) ?? null;
      if (this.#steps++ >= 2 * maxEntries + 16 || !n.mapNextKey(fd, from, to)) {
        this.ended = true;
        break;
      }
      const at = count * valueBytes;
      const text = indexed ? '' : Buffer.from(to.buffer, to.byteOffset, keySize).toString('latin1');
      if ((indexed || !this.#seen.has(text)) && lookup(fd, to, this.values.subarray(at, at + valueBytes))) {
        this.keys.set(to, count * keySize);
        if (!indexed) this.#seen.add(text);
        count++;
      }
      this.#advance();
    }
    return count;
  }
}

function nativeError(errno: number): NativeError {
  return Object.assign(new Error('batch'), { code: 'SKEP_NATIVE' as const, errno });
}

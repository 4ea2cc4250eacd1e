import { BpfError } from '../errors.ts';
import { possibleCpus } from '../kernel/cpus.ts';
import { type MapType, mapTypeName, mapTypeNumber } from '../kernel/types.ts';
import { isNativeError, type NativeMap, native, type ObjectHandle } from '../native.ts';
import { openPinned, pinAt } from '../object/pin.ts';
import { type MapBatch, newBatch, readAll, roomOf } from './batch.ts';
import { mapCreateError, mapError } from './map-error.ts';
import { type EntryWalk, Walk } from './walk.ts';

/** What a map needs of the object it belongs to. */
export interface MapOwner {
  readonly name: string;
  /** `what` is about to change. @throws {BpfError} `SKEP_STATE` when it no longer can, `SKEP_CLOSED` */
  beforeLoad(what: string): void;
  /** @throws {BpfError} `SKEP_CLOSED` */
  handle(): ObjectHandle;
  /** @throws {BpfError} `SKEP_CLOSED`, `SKEP_STATE` before load */
  mapFd(index: number): number;
}

/** Where a map's file descriptor comes from: its object, or the map itself owns it. */
type Source = { owner: MapOwner; index: number } | { owner?: undefined; fd: number };

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

/** Shape of a map made by {@link BpfMap.create}. Sizes in bytes. */
export interface MapShape {
  type: MapType;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  /** At most 15 letters, digits, dots and underscores are kept by the kernel. */
  name?: string;
  /** BPF_F_* */
  flags?: number;
}

/**
 * One BPF map: of a {@link BpfObject}, pinned, or made here. Keys and values are raw bytes in the kernel's
 * layout.
 *
 * A value of a per-CPU map is the values of all possible CPUs one after another, each padded to 8 bytes.
 */
export class BpfMap implements Disposable {
  readonly name: string;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes of one value, of one CPU; for ring and perf buffers of the record type its definition names, or 0. */
  readonly valueSize: number;
  /** Bytes of what {@link get} returns: all CPUs for a per-CPU map. */
  readonly valueBytes: number;
  /** Whether values are per CPU. */
  readonly perCpu: boolean;
  /** In the object's BTF, 0 when its definition names none. */
  readonly keyTypeId: number;
  /**
   * In the object's BTF, 0 when its definition names none. For ring and perf buffers what `__type(value, …)`
   * says their records are; for `.rodata`, `.data`, `.bss` the data section.
   */
  readonly valueTypeId: number;
  /** `.rodata`, `.data`, `.bss` or `.kconfig`, which the compiler made. */
  readonly internal: boolean;
  /** BPF_F_* */
  readonly flags: number;
  #type: MapType;
  #created = true;
  #maxEntries: number;
  #source: Source | undefined;
  #reused = false;
  #noBatch: boolean;
  /** Whether the kernel's map has been seen to have the sizes that buffers are made for. */
  #measured = false;

  private constructor(source: Source, m: Omit<NativeMap, 'type'>, type: MapType) {
    this.#source = source;
    this.name = m.name;
    this.#type = type;
    this.keySize = m.keySize;
    this.valueSize = m.valueSize;
    this.keyTypeId = m.keyTypeId;
    this.valueTypeId = m.valueTypeId;
    this.internal = m.internal;
    this.flags = m.flags;
    this.#maxEntries = m.maxEntries;
    this.perCpu = type.includes('percpu');
    this.#noBatch = !batchTypes.has(type);
    this.valueBytes = this.perCpu ? Math.ceil(m.valueSize / 8) * 8 * possibleCpus() : m.valueSize;
  }

  /** For {@link BpfObject}. */
  static ofObject(owner: MapOwner, index: number, m: NativeMap): BpfMap {
    return new BpfMap({ owner, index }, m, mapTypeName(m.type));
  }

  /** Makes a map that belongs to nobody's object; close it. @throws {BpfError} `SKEP_MAP_CREATE`, `SKEP_PERMISSION` */
  static create(shape: MapShape): BpfMap {
    const { type, keySize, valueSize, maxEntries, name = 'skep', flags = 0 } = shape;
    try {
      const fd = native().mapCreate(mapTypeNumber(type), name, keySize, valueSize, maxEntries, flags);
      return BpfMap.#own(fd);
    } catch (cause) {
      if (!isNativeError(cause)) throw cause;
      throw mapCreateError(shape, cause);
    }
  }

  /** Opens a pinned map; close it. @throws {BpfError} `SKEP_PIN` */
  static openPinned(path: string): BpfMap {
    const fd = openPinned(path);
    try {
      return BpfMap.#own(fd);
    } catch (cause) {
      native().fdClose(fd);
      throw new BpfError('SKEP_PIN', `What is pinned at ${path} is not a map`, {
        hint: 'It may be a program or a link: bpftool prog show pinned PATH tells.',
        object: path,
        cause,
      });
    }
  }

  static #own(fd: number): BpfMap {
    const info = native().mapInfo(fd);
    return new BpfMap(
      { fd },
      { ...info, keyTypeId: 0, valueTypeId: 0, internal: false },
      mapTypeName(info.type),
    );
  }

  /**
   * Most entries it holds; the size in bytes for a ring buffer. May be set before load.
   * @throws {BpfError} `SKEP_ARGUMENT`, `SKEP_STATE` once it is fixed
   */
  get maxEntries(): number {
    return this.#maxEntries;
  }

  set maxEntries(n: number) {
    if (!Number.isInteger(n) || n < 0 || n > 0xffff_ffff) {
      throw new BpfError('SKEP_ARGUMENT', `Map "${this.name}" cannot have ${n} entries`, {
        hint: 'Give a whole number from 0 to 4294967295.',
        object: this.name,
      });
    }
    const { owner, index } = this.#configurable('size');
    if (this.internal || this.#reused) {
      const why = this.internal ? "holds the object's global variables" : 'is shared';
      throw new BpfError('SKEP_STATE', `Map "${this.name}" ${why}: its size is fixed`, {
        hint: 'Other maps of the object can be resized.',
        object: this.name,
      });
    }
    native().mapConfigure(owner.handle(), index, 'maxEntries', n);
    this.#maxEntries = n;
  }

  get type(): MapType {
    return this.#type;
  }

  /**
   * Makes a ring buffer a perf buffer, before load, for a kernel that has no ring buffers or a program that was told
   * to do without. The program must be written for both.
   * @throws {BpfError} `SKEP_ARGUMENT` for another type of map, `SKEP_STATE` once it is fixed
   */
  becomePerfBuffer(): void {
    const { owner, index } = this.#configurable('type');
    if (this.#type !== 'ringbuf') {
      throw new BpfError('SKEP_ARGUMENT', `Map "${this.name}" is of type ${this.type}, not ringbuf`, {
        hint: 'Only a ring buffer can become a perf buffer.',
        object: this.name,
      });
    }
    native().mapConfigure(owner.handle(), index, 'type', mapTypeNumber('perf_event_array'));
    // One entry a CPU: libbpf puts their number for 0.
    native().mapConfigure(owner.handle(), index, 'maxEntries', 0);
    this.#type = 'perf_event_array';
    this.#maxEntries = possibleCpus();
  }

  /** Whether {@link BpfObject.load} makes it; true unless {@link leaveOut} was called. */
  get created(): boolean {
    return this.#created;
  }

  /**
   * Does not make it, before load: for a map that only code which cannot be reached names. The verifier refuses a
   * program that reaches it.
   * @throws {BpfError} `SKEP_STATE` once it is fixed
   */
  leaveOut(): void {
    const { owner, index } = this.#configurable('creation');
    native().mapConfigure(owner.handle(), index, 'autocreate', 0);
    this.#created = false;
  }

  /** Whether {@link BpfObject.reuseMap} gave it another map's place. */
  get reused(): boolean {
    return this.#reused;
  }

  /** @throws {BpfError} `SKEP_CLOSED`, `SKEP_STATE` before load */
  get fd(): number {
    const s = this.#source;
    if (s) return s.owner ? s.owner.mapFd(s.index) : s.fd;
    throw new BpfError('SKEP_CLOSED', `Map "${this.name}" is closed`, {
      hint: 'Open it again.',
      object: this.name,
    });
  }

  /** The kernel's number of this map, as bpftool shows it. */
  get id(): number {
    return native().mapInfo(this.fd).id;
  }

  /** For {@link BpfObject.reuseMap}. */
  reuse(map: number | BpfMap): void {
    const { owner, index } = this.#configurable('identity');
    const fd = typeof map === 'number' ? map : map.fd;
    try {
      const other = native().mapInfo(fd);
      const differs =
        mapTypeName(other.type) !== this.type
          ? `type ${mapTypeName(other.type)} instead of ${this.type}`
          : this.keySize !== other.keySize && this.type !== 'ringbuf' && this.type !== 'perf_event_array'
            ? `keys of ${other.keySize} bytes instead of ${this.keySize}`
            : this.valueSize !== other.valueSize &&
                this.type !== 'ringbuf' &&
                this.type !== 'perf_event_array'
              ? `values of ${other.valueSize} bytes instead of ${this.valueSize}`
              : undefined;
      if (differs) {
        throw new BpfError(
          'SKEP_MAP_CREATE',
          `Map "${this.name}" of ${owner.name} cannot be shared: the other has ${differs}`,
          {
            hint: 'Objects that share a map define it alike, down to the types of key and value.',
            object: this.name,
          },
        );
      }
      native().mapReuse(owner.handle(), index, fd);
      this.#maxEntries = other.maxEntries;
      this.#reused = true;
    } catch (cause) {
      if (!isNativeError(cause)) throw cause;
      throw mapError(this.name, this.type, 'reuse', cause);
    }
  }

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
    return newBatch(this.keySize, this.valueBytes, this.#maxEntries);
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
      return readAll.keyByKey(fd, into, this.#maxEntries);
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
      maxEntries: this.#maxEntries,
      batches: !this.#noBatch,
      indexed: this.type.endsWith('array'),
      fd: () => this.#do('read', (fd) => fd),
      failure: (cause) => mapError(this.name, this.type, 'read', cause),
    });
  }

  /** Pins it in a bpf file system. @throws {BpfError} `SKEP_PIN` */
  pin(path: string): void {
    pinAt(this.fd, path, `map "${this.name}"`);
  }

  /** Closes a map that was made or opened here; one of an object closes with it. */
  close(): void {
    const s = this.#source;
    if (!s || s.owner) return;
    this.#source = undefined;
    native().fdClose(s.fd);
  }

  [Symbol.dispose](): void {
    this.close();
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

  #configurable(what: string): { owner: MapOwner; index: number } {
    const s = this.#source;
    if (s?.owner) {
      s.owner.beforeLoad(`the ${what} of map "${this.name}"`);
      return s;
    }
    throw new BpfError('SKEP_STATE', `Map "${this.name}" exists already: its ${what} can no longer change`, {
      hint: 'Configure maps between BpfObject.open() and load().',
      object: this.name,
    });
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

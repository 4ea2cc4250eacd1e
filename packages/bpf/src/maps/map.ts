import { BpfError } from '../errors.ts';
import { possibleCpus } from '../kernel/cpus.ts';
import { type MapType, mapTypeName, mapTypeNumber } from '../kernel/types.ts';
import { isNativeError, type NativeMap, native, type ObjectHandle } from '../native.ts';
import { openPinned, pinAt } from '../object/pin.ts';
import { MapEntries } from './entries.ts';
import { mapCreateError, mapError } from './map-error.ts';

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
export class BpfMap extends MapEntries implements Disposable {
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

  private constructor(source: Source, m: Omit<NativeMap, 'type'>, type: MapType) {
    super(m, type);
    this.#source = source;
    this.#type = type;
    this.keyTypeId = m.keyTypeId;
    this.valueTypeId = m.valueTypeId;
    this.internal = m.internal;
    this.flags = m.flags;
    this.#maxEntries = m.maxEntries;
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
      const differs = difference(this, other);
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
}

/** Why one map cannot stand for the other; undefined when it can. What records of rings are, only their objects know. */
function difference(
  own: BpfMap,
  other: Pick<NativeMap, 'type' | 'keySize' | 'valueSize'>,
): string | undefined {
  const type = mapTypeName(other.type);
  if (type !== own.type) return `type ${type} instead of ${own.type}`;
  if (own.type === 'ringbuf' || own.type === 'perf_event_array') return undefined;
  if (own.keySize !== other.keySize) return `keys of ${other.keySize} bytes instead of ${own.keySize}`;
  if (own.valueSize !== other.valueSize)
    return `values of ${other.valueSize} bytes instead of ${own.valueSize}`;
  return undefined;
}

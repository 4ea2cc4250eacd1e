import type { BpfMap, Decoder, RecordView, Value } from '@skep/bpf';
import type { StackColumn } from '../streams/stack-columns.ts';
import type { StackNamer } from './namer.ts';
import { RawStack } from './stack.ts';

// linux/bpf.h: BPF_F_STACK_BUILD_ID, struct bpf_stack_build_id
const BUILD_ID_FLAG = 1 << 5;
const BUILD_ID_ENTRY = 32;
const BUILD_ID_VALID = 1;
const EFAULT = -14;
/** Stacks that are remembered by their id, then anew. */
const REMEMBERED = 4096;

/** The part of a `BpfMap` that stacks need. */
export type StackMap = Pick<BpfMap, 'get' | 'flags'>;

/** The process that a user's stack is of. */
type Whose = Pick<RawStack, 'pid' | 'seen'>;

type Read = (view: RecordView, offset: number) => Value;

/**
 * Takes the stacks out of records and keys: the addresses now, since an entry of the map may be used again and a process
 * may end; names later.
 */
export class StackReader {
  readonly columns: readonly StackColumn[];
  readonly #namer: StackNamer;
  readonly #maps: (StackMap | undefined)[];
  readonly #reads: Read[];
  readonly #pids: (Read | undefined)[];
  readonly #places: { offset: number; size: number }[];
  readonly #known = new Map<string, RawStack>();
  /** By column: whether all that were asked for so far had been taken of nobody. */
  readonly #none: boolean[] = [];

  /** @param mapOf the loaded map of a name */
  constructor(
    columns: readonly StackColumn[],
    decoder: Decoder,
    mapOf: (name: string) => StackMap,
    namer: StackNamer,
  ) {
    this.columns = columns;
    this.#namer = namer;
    this.#maps = columns.map((c) => (c.map === undefined ? undefined : mapOf(c.map)));
    this.#reads = columns.map((c) => decoder.column(c.column));
    this.#pids = columns.map((c) => (c.pid === undefined ? undefined : decoder.column(c.pid)));
    this.#places = columns.map(({ column }) => decoder.columns[column]!);
  }

  /** What tells the stacks of column `i` of {@link columns} apart, without a look at them. */
  identity(i: number, view: RecordView, offset: number): string {
    if (this.#maps[i]) return `${this.#pid(i, view, offset)} ${this.#reads[i]!(view, offset)}`;
    const { offset: at, size } = this.#places[i]!;
    const bytes = view.u8.subarray(offset + at, offset + at + size);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    return `${this.#pid(i, view, offset)} ${text}`;
  }

  /** The stack of column `i` of {@link columns}. */
  take(i: number, view: RecordView, offset: number): RawStack {
    const { side } = this.columns[i]!;
    const pid = this.#pid(i, view, offset);
    // Nobody has this number but the idle tasks, which have no user's stack; who takes none leaves it 0 as well.
    const none = side === 'user' && pid === 0;
    this.#none[i] = none && this.#none[i] !== false;
    if (none) return new RawStack(this.#namer, { side, missing: 'none' });
    const seen = pid === undefined ? undefined : this.#namer.remember(pid);
    if (!this.#maps[i]) return this.#stack(i, { pid, seen }, wordsOf(this.#reads[i]!(view, offset)));
    // Errors are negative, also where the member has no sign.
    const raw = BigInt(this.#reads[i]!(view, offset) as number | bigint);
    const id = Number(BigInt.asIntN(this.#places[i]!.size * 8, raw));
    // A stack that is not there (a kernel thread has none of a user), or one for which the map had no room.
    if (id < 0) return new RawStack(this.#namer, { side, missing: id === EFAULT ? 'none' : 'lost' });
    const key = `${i} ${id} ${pid} ${seen?.identity}`;
    let stack = this.#known.get(key);
    if (stack === undefined) {
      stack = this.#fromMap(i, id, { pid, seen });
      if (this.#known.size >= REMEMBERED) this.#known.clear();
      this.#known.set(key, stack);
    }
    return stack;
  }

  /** Whether column `i` was read and held no stack: who takes none loses none. */
  takesNone(i: number): boolean {
    return this.#none[i] === true;
  }

  #pid(i: number, view: RecordView, offset: number): number | undefined {
    const read = this.#pids[i];
    return read && Number(read(view, offset));
  }

  #fromMap(i: number, id: number, whose: Whose): RawStack {
    const { side } = this.columns[i]!;
    const map = this.#maps[i]!;
    const key = new Uint8Array(4);
    new DataView(key.buffer).setUint32(0, id, true);
    const value = map.get(key);
    if (value === undefined) return new RawStack(this.#namer, { side, missing: 'lost' });
    const dv = new DataView(value.buffer, value.byteOffset, value.byteLength);
    return map.flags & BUILD_ID_FLAG ? this.#byBuildId(whose, dv) : this.#stack(i, whose, words(dv));
  }

  #stack(i: number, whose: Whose, all: readonly bigint[]): RawStack {
    const end = all.indexOf(0n);
    const addresses = end < 0 ? all : all.slice(0, end);
    return new RawStack(this.#namer, { side: this.columns[i]!.side, addresses, ...whose });
  }

  #byBuildId(whose: Whose, dv: DataView): RawStack {
    const addresses: bigint[] = [];
    const buildIds: (string | undefined)[] = [];
    for (let at = 0; at + BUILD_ID_ENTRY <= dv.byteLength; at += BUILD_ID_ENTRY) {
      const status = dv.getInt32(at, true);
      if (status === 0) break;
      addresses.push(dv.getBigUint64(at + 24, true));
      const id = Buffer.from(dv.buffer, dv.byteOffset + at + 4, 20).toString('hex');
      buildIds.push(status === BUILD_ID_VALID ? id : undefined);
    }
    return new RawStack(this.#namer, { side: 'user', addresses, buildIds, ...whose });
  }
}

function words(dv: DataView): bigint[] {
  return Array.from({ length: dv.byteLength >> 3 }, (_, i) => dv.getBigUint64(i * 8, true));
}

function wordsOf(value: Value): bigint[] {
  return Array.isArray(value) ? value.map((v) => BigInt(v as number | bigint)) : [];
}

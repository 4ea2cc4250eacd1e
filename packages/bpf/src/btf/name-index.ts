import type { BtfBlob } from './blob.ts';

/** BTF with fewer types is looked through quicker than indexed. */
export const WORTH_INDEX = 10_000;

/**
 * Finds types by name without making a string of each: a hash table over the names' bytes, 8 bytes a type. A kernel's is
 * made in 5 ms, and a search in it takes no time.
 */
export class NameIndex {
  readonly #blob: BtfBlob;
  readonly #firstString: number;
  readonly #string: (offset: number) => string;
  /** Index + 1 of the last type in a slot. */
  readonly #heads: Uint32Array;
  /** Index + 1 of the one before it, by index. */
  readonly #before: Uint32Array;
  readonly #first: number;
  /** Indexes of types with three underscores in a row behind the first letter: what may be a flavour. */
  readonly #divided: readonly number[];
  #flavours: ReadonlyMap<string, readonly number[]> | undefined;

  /**
   * `first` is the id of the blob's first type, `firstString` where its strings begin after those of its base, and
   * `string` reads either.
   */
  constructor(blob: BtfBlob, first: number, firstString: number, string: (offset: number) => string) {
    const { offsets, dv, strings } = blob;
    this.#blob = blob;
    this.#first = first;
    this.#firstString = firstString;
    this.#string = string;
    const heads = new Uint32Array(2 ** Math.ceil(Math.log2(offsets.length + 1)));
    const before = new Uint32Array(offsets.length);
    const divided: number[] = [];
    const last = heads.length - 1;
    for (let i = 0; i < offsets.length; i++) {
      const offset = dv.getUint32(offsets[i]!, true);
      if (offset === 0) continue;
      let slot = SEED;
      // Spelled out, and not hashOf(): a kernel has two million letters.
      const start = offset - firstString;
      if (start < 0) slot = hashOf(Buffer.from(string(offset)));
      else {
        let run = 0;
        for (let at = start; at < strings.length; at++) {
          const letter = strings[at]!;
          if (letter === 0) break;
          slot = Math.imul(slot ^ letter, PRIME);
          run = letter === UNDERSCORE ? run + 1 : 0;
          if (run >= 3 && at > start + 2) divided.push(i);
        }
      }
      slot = (slot ^ (slot >>> 15)) & last;
      before[i] = heads[slot]!;
      heads[slot] = i + 1;
    }
    this.#heads = heads;
    this.#before = before;
    this.#divided = divided;
  }

  /** Ids of the types of exactly that name, ascending. */
  named(name: string): number[] {
    const ids: number[] = [];
    if (name === '') return ids;
    const bytes = Buffer.from(`${name}\0`);
    const hash = hashOf(bytes.subarray(0, -1));
    const slot = (hash ^ (hash >>> 15)) & (this.#heads.length - 1);
    for (let i = this.#heads[slot]!; i !== 0; i = this.#before[i - 1]!) {
      const offset = this.#nameOf(i - 1);
      const own = offset - this.#firstString;
      const is = own < 0 ? this.#string(offset) === name : this.#blob.stringIs(own, bytes);
      if (is) ids.push(this.#first + i - 1);
    }
    return ids.reverse();
  }

  /** Ids of the types called `name` or `name___something`, ascending. */
  flavours(name: string): number[] {
    this.#flavours ??= this.#readFlavours();
    return [...this.named(name), ...(this.#flavours.get(name) ?? [])].sort((a, b) => a - b);
  }

  #nameOf(index: number): number {
    return this.#blob.dv.getUint32(this.#blob.offsets[index]!, true);
  }

  /** By the name that is left when a flavour is taken off that holds no other flavour. */
  #readFlavours(): Map<string, number[]> {
    const found = new Map<string, number[]>();
    for (const index of new Set(this.#divided)) {
      const name = this.#string(this.#nameOf(index));
      for (const { index: at } of name.matchAll(/(?<=.)___(?=[^_])/g)) {
        if (/[^_]___[^_]/.test(name.slice(at))) continue;
        const bare = name.slice(0, at);
        const ids = found.get(bare);
        if (ids) ids.push(this.#first + index);
        else found.set(bare, [this.#first + index]);
      }
    }
    return found;
  }
}

const UNDERSCORE = 0x5f;
/** FNV-1a. */
const SEED = 0x811c9dc5;
const PRIME = 0x01000193;

function hashOf(bytes: Uint8Array): number {
  let h = SEED;
  for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ bytes[i]!, PRIME);
  return h;
}

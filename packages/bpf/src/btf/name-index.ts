import type { BtfBlob } from './blob.ts';

/**
 * Finds types by name without making a string of each: where a name stands among the strings, then which types
 * begin their name there.
 */
export class NameIndex {
  readonly #strings: Buffer;
  /** Index + 1 of the last type whose name begins at a byte of the strings. */
  readonly #heads: Uint32Array;
  /** Index + 1 of the one before it, by index. */
  readonly #before: Uint32Array;
  readonly #first: number;

  /** `first` is the id of the blob's first type, `firstString` where its strings begin after those of its base. */
  constructor(blob: BtfBlob, first: number, firstString: number) {
    const { offsets, dv, strings } = blob;
    this.#first = first;
    this.#strings = Buffer.from(strings.buffer, strings.byteOffset, strings.byteLength);
    this.#heads = new Uint32Array(strings.length);
    this.#before = new Uint32Array(offsets.length);
    for (let i = 0; i < offsets.length; i++) {
      const at = dv.getUint32(offsets[i]!, true) - firstString;
      if (at < 0 || at >= strings.length) continue;
      this.#before[i] = this.#heads[at]!;
      this.#heads[at] = i + 1;
    }
  }

  /** Ids of the types called `name` or `name___something`, ascending. */
  flavours(name: string): number[] {
    const ids: number[] = [];
    const wanted = Buffer.from(name);
    if (wanted.length === 0) return ids;
    for (let at = this.#strings.indexOf(wanted); at >= 0; at = this.#strings.indexOf(wanted, at + 1)) {
      if (this.#heads[at] === 0 || !this.#ends(at + wanted.length)) continue;
      for (let i = this.#heads[at]!; i !== 0; i = this.#before[i - 1]!) ids.push(this.#first + i - 1);
    }
    return ids.sort((a, b) => a - b);
  }

  /** Whether the name is over at a byte, or goes on as a flavour that holds no other flavour. */
  #ends(at: number): boolean {
    if (this.#strings[at] === 0) return true;
    const end = this.#strings.indexOf(0, at);
    const rest = this.#strings.toString('latin1', at, end);
    return /^___[^_]/.test(rest) && !/[^_]___[^_]/.test(rest);
  }
}

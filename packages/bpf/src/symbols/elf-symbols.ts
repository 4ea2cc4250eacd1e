import { textAt, u64 } from './bytes.ts';
import type { ElfImage, ImageSection } from './elf-image.ts';
import { lastUpTo, orderOf } from './order.ts';
import type { FunctionTable, KnownFunction } from './types.ts';

// elf.h
const SYMBOL = 24;
const STT_NOTYPE = 0;
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;
const STB_LOCAL = 0;
/** Read at a time, so that a table of tens of megabytes is never in memory as it is. */
const PIECE = 1 << 20;
/** More than any program has functions; a forged table must not cost memory. */
const MAX_SYMBOLS = 4_000_000;
/** Names of one address that are compared: `write`, `__write`, `__libc_write`. */
const MAX_ALIASES = 16;

/**
 * The functions of a program by its `.symtab` or `.dynsym`. Addresses are kept in typed arrays, 21 bytes a function;
 * names stay in the file until one is asked for.
 */
export class ElfSymbols implements FunctionTable {
  readonly #image: ElfImage;
  readonly #strings: ImageSection;
  readonly #starts: Float64Array;
  readonly #sizes: Float64Array;
  readonly #names: Uint32Array;
  readonly #local: Uint8Array;

  /** @param section of type SHT_SYMTAB or SHT_DYNSYM */
  constructor(image: ElfImage, section: ImageSection) {
    this.#image = image;
    this.#strings = image.sections[section.link] ?? section;
    const found = readFunctions(image, section);
    const order = orderOf(found.starts);
    this.#starts = Float64Array.from(order, (i) => found.starts[i]!);
    this.#sizes = Float64Array.from(order, (i) => found.sizes[i]!);
    this.#names = Uint32Array.from(order, (i) => found.names[i]!);
    this.#local = Uint8Array.from(order, (i) => found.local[i]!);
  }

  get size(): number {
    return this.#starts.length;
  }

  find(address: number): KnownFunction | undefined {
    // The nearest function may end before the address while one around it does not: labels within functions.
    for (let i = lastUpTo(this.#starts, address), tries = 0; i >= 0 && tries < MAX_ALIASES; i--, tries++) {
      if (!this.#holds(i, address)) continue;
      return { name: this.#bestName(i), start: this.#starts[i]! };
    }
    return undefined;
  }

  #holds(i: number, address: number): boolean {
    const start = this.#starts[i]!;
    if (this.#sizes[i]! > 0) return address < start + this.#sizes[i]!;
    // Written in assembly without a size: it reaches to the next symbol, within its section.
    const next = this.#starts[i + 1] ?? Number.POSITIVE_INFINITY;
    const code = this.#image.codeAt(start);
    return (address < next || next === start) && code !== undefined && code === this.#image.codeAt(address);
  }

  /** Of several names for one address the one that programs call: global before local, few underscores, then short. */
  #bestName(i: number): string {
    const start = this.#starts[i]!;
    let first = i;
    while (first > 0 && this.#starts[first - 1] === start && i - first < MAX_ALIASES) first--;
    const names: { text: string; local: number }[] = [];
    for (let at = first; this.#starts[at] === start && names.length < MAX_ALIASES; at++) {
      const text = textAt(this.#image.source, this.#strings.offset + this.#names[at]!);
      // Versioned names of .symtab: memcpy@@GLIBC_2.14.
      names.push({ text: text.replace(/@.*$/, ''), local: this.#local[at]! });
    }
    names.sort(
      (a, b) =>
        a.local - b.local ||
        underscores(a.text) - underscores(b.text) ||
        a.text.length - b.text.length ||
        (a.text < b.text ? -1 : 1),
    );
    return names[0]!.text;
  }
}

function underscores(name: string): number {
  // Mangled names begin with one or two of them, and are no worse for it.
  return /^_(_?R|_?Z)/.test(name) ? 0 : /^_*/.exec(name)![0].length;
}

/** Labels without a type count where they are global, as `_start` is: the others lie within functions or are data. */
interface Found {
  starts: number[];
  sizes: number[];
  names: number[];
  local: number[];
}

function readFunctions(image: ElfImage, section: ImageSection): Found {
  const found: Found = { starts: [], sizes: [], names: [], local: [] };
  const total = Math.min(Math.floor(section.size / SYMBOL), MAX_SYMBOLS);
  const piece = Math.floor(PIECE / SYMBOL);
  for (let first = 0; first < total; first += piece) {
    const bytes = image.source.read(section.offset + first * SYMBOL, Math.min(piece, total - first) * SYMBOL);
    for (let at = 0; at + SYMBOL <= bytes.length; at += SYMBOL) {
      const type = bytes[at + 4]! & 0xf;
      const local = bytes[at + 4]! >> 4 === STB_LOCAL;
      const index = bytes.readUInt16LE(at + 6);
      const label = type === STT_NOTYPE && !local && image.sections[index]?.executable === true;
      if ((type !== STT_FUNC && type !== STT_GNU_IFUNC && !label) || index === 0) continue;
      const start = u64(bytes, at + 8);
      if (start < 0) continue;
      found.starts.push(start);
      found.sizes.push(bytes.readUInt32LE(at + 16));
      found.names.push(bytes.readUInt32LE(at));
      found.local.push(local || label ? 1 : 0);
    }
  }
  return found;
}

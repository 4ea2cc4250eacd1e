import type { FileBytes } from './bytes.ts';
import { lastUpTo, orderOf } from './order.ts';
import type { FunctionTable, KnownFunction } from './types.ts';

/** Bytes of a map that are read: half a million functions. What a runtime writes beyond is not known. */
const MAX_BYTES = 64 << 20;
const PIECE = 1 << 20;
const NEWLINE = 0x0a;
const SPACE = 0x20;
const MAX_NAME = 1024;
/** Earlier functions that may still reach over an address. */
const MAX_BACK = 8;

/**
 * What a runtime compiled as it ran, from the file it writes for this purpose: `START SIZE name` a line, in hexadecimal,
 * the newest last. Read on as it grows; names stay in the file.
 *
 * Source: tools/perf/Documentation/jit-interface.txt of Linux.
 */
export class PerfMap implements FunctionTable {
  readonly #file: FileBytes;
  #read = 0;
  /** As read: later entries take the place of what they overlap. */
  readonly #starts: number[] = [];
  readonly #sizes: number[] = [];
  readonly #names: number[] = [];
  /** Entries by start, then by age, and the starts in that order. */
  #order: Uint32Array = new Uint32Array(0);
  #sorted = new Float64Array(0);

  constructor(file: FileBytes) {
    this.#file = file;
  }

  get size(): number {
    return this.#starts.length;
  }

  /** Takes in what was written since. */
  update(): void {
    const end = Math.min(this.#file.sizeNow, MAX_BYTES);
    if (end <= this.#read) return;
    while (this.#read < end) {
      const bytes = this.#file.readAt(this.#read, Math.min(PIECE, end - this.#read));
      const last = bytes.lastIndexOf(NEWLINE);
      // A line that is not yet whole, or none at all in a megabyte: no map.
      if (last < 0) break;
      this.#lines(bytes.subarray(0, last + 1), this.#read);
      this.#read += last + 1;
    }
    this.#order = orderOf(this.#starts);
    this.#sorted = Float64Array.from(this.#order, (i) => this.#starts[i]!);
  }

  find(address: number): KnownFunction | undefined {
    const order = this.#order;
    const last = lastUpTo(this.#sorted, address);
    let newest = -1;
    for (let i = last; i >= 0 && i > last - MAX_BACK; i--) {
      const entry = order[i]!;
      if (address < this.#starts[entry]! + this.#sizes[entry]! && entry > newest) newest = entry;
    }
    if (newest < 0) return undefined;
    const line = this.#file.readAt(this.#names[newest]!, MAX_NAME);
    const end = line.indexOf(NEWLINE);
    return { name: line.toString('utf8', 0, end < 0 ? line.length : end), start: this.#starts[newest]! };
  }

  #lines(bytes: Buffer, base: number): void {
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(NEWLINE, at);
      const first = bytes.indexOf(SPACE, at);
      const second = first < 0 ? -1 : bytes.indexOf(SPACE, first + 1);
      if (second > 0 && second < end) {
        const start = Number.parseInt(bytes.toString('latin1', at, first), 16);
        const size = Number.parseInt(bytes.toString('latin1', first + 1, second), 16);
        if (Number.isSafeInteger(start) && size > 0) {
          this.#starts.push(start);
          this.#sizes.push(size);
          this.#names.push(base + second + 1);
        }
      }
      at = end + 1;
    }
  }
}

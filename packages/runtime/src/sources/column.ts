import type { Num } from '../contract/stream.ts';

const BITS = 14;
const PAGE = 1 << BITS;

/**
 * A number for each of many slots, 8 bytes each; bigints are kept aside. It grows by pages, so that no growth copies
 * what is there.
 */
export class NumberColumn {
  readonly #pages: Float64Array[] = [];
  readonly #large = new Map<number, bigint>();

  /** What was set; 0 where nothing was. */
  get(slot: number): Num {
    const value = this.#pages[slot >> BITS]?.[slot & (PAGE - 1)] ?? 0;
    // A bigint's place holds NaN, which floats may be too.
    return Number.isNaN(value) ? (this.#large.get(slot) ?? value) : value;
  }

  set(slot: number, value: Num): void {
    let page = this.#pages[slot >> BITS];
    if (page === undefined) {
      page = new Float64Array(PAGE);
      this.#pages[slot >> BITS] = page;
    }
    if (this.#large.size > 0) this.#large.delete(slot);
    if (typeof value === 'number') page[slot & (PAGE - 1)] = value;
    else {
      page[slot & (PAGE - 1)] = Number.NaN;
      this.#large.set(slot, value);
    }
  }
}

/** A whole number from 0 to 4,294,967,295 for each of many slots, which grows likewise. */
export class IntegerColumn {
  readonly #pages: Uint32Array[] = [];

  /** What was set; 0 where nothing was. */
  get(slot: number): number {
    return this.#pages[slot >> BITS]?.[slot & (PAGE - 1)] ?? 0;
  }

  set(slot: number, value: number): void {
    let page = this.#pages[slot >> BITS];
    if (page === undefined) {
      page = new Uint32Array(PAGE);
      this.#pages[slot >> BITS] = page;
    }
    page[slot & (PAGE - 1)] = value;
  }
}

/** Anything for each of many slots, which grows likewise. */
export class PagedArray<T> {
  readonly #pages: (T | undefined)[][] = [];

  get(slot: number): T | undefined {
    return this.#pages[slot >> BITS]?.[slot & (PAGE - 1)];
  }

  set(slot: number, value: T | undefined): void {
    let page = this.#pages[slot >> BITS];
    if (page === undefined) {
      if (value === undefined) return;
      page = new Array(PAGE).fill(undefined);
      this.#pages[slot >> BITS] = page;
    }
    page[slot & (PAGE - 1)] = value;
  }
}

/** Items that wait, bounded by their number and by their bytes. What has no room is refused, and the caller counts it. */
export class BoundedQueue<T> {
  readonly #maxItems: number;
  readonly #maxBytes: number;
  #items: T[] = [];
  #sizes: number[] = [];
  #bytes = 0;
  /** Where the oldest item is; those before it are gone. */
  #head = 0;

  constructor(maxItems: number, maxBytes: number) {
    this.#maxItems = maxItems;
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether there is no room for anything more. */
  get full(): boolean {
    return this.length >= this.#maxItems || this.#bytes >= this.#maxBytes;
  }

  /** Takes an item of about so many bytes, or refuses it. */
  push(item: T, bytes: number): boolean {
    if (this.length >= this.#maxItems || this.#bytes + bytes > this.#maxBytes) return false;
    this.#items.push(item);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    return true;
  }

  /** The oldest ones, at least one if there is any, else as many as both limits allow. */
  take(maxItems: number, maxBytes: number): T[] {
    let end = this.#head;
    let bytes = 0;
    while (end < this.#items.length && end - this.#head < maxItems) {
      const size = this.#sizes[end]!;
      if (end > this.#head && bytes + size > maxBytes) break;
      bytes += size;
      end++;
    }
    const taken = this.#items.slice(this.#head, end);
    this.#head = end;
    this.#bytes -= bytes;
    // Moving what is left costs more than it frees until it is the smaller half.
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#sizes = this.#sizes.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }

  clear(): number {
    return this.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY).length;
  }
}

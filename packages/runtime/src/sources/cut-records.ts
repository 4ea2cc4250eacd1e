import { type Column, type Decoder, type RecordView, recordView } from '@skep/bpf';

/**
 * Records that a program cuts short to send no more than it has: they may end within their last member, a text or another
 * array. What was not sent is zero.
 */
export class CutRecords {
  /** Bytes that a record has at least. */
  readonly #least: number;
  readonly #whole: RecordView;

  constructor({ columns, size }: Pick<Decoder, 'columns' | 'size'>) {
    this.#least = leastOf(columns, size);
    this.#whole = recordView(new Uint8Array(size));
  }

  /** The record at its full length, at the view's begin until the next call; undefined when too much of it is missing. */
  whole(view: RecordView, offset: number, length: number): RecordView | undefined {
    if (length < this.#least) return undefined;
    const { u8 } = this.#whole;
    u8.set(view.u8.subarray(offset, offset + length));
    u8.fill(0, length);
    return this.#whole;
  }
}

function leastOf(columns: readonly Column[], size: number): number {
  const last = columns.at(-1);
  if (!last || (last.kind !== 'char[]' && last.kind !== 'array')) return size;
  // In a union it is not the last alone.
  return columns.every((c) => c === last || c.offset + c.size <= last.offset) ? last.offset : size;
}

import { type RecordView, recordView } from '@skep/bpf';
import type { Output } from './output.ts';

export interface LineBufferOptions {
  output: Output;
  /** Bytes of a chunk. */
  chunkBytes?: number;
  /** Chunks that may wait for a slow reader. */
  chunks?: number;
  /** Lines of these tags were dropped for want of room. */
  onLost: (tag: number, lines: number) => void;
}

/** Memory that lines are written into. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly view: RecordView;
  /** Where the next line begins; whoever writes one moves it. */
  used: number;
  /** Lines by tag, to name what is lost when the chunk is. */
  lines: number[];
}

/**
 * Collects lines in large chunks and hands them to an output. Memory is bounded: when all chunks wait for the
 * reader, further lines are dropped and counted by their tag.
 */
export class LineBuffer {
  readonly #o: Required<LineBufferOptions>;
  readonly #free: Chunk[] = [];
  #made = 0;
  #current: Chunk | undefined;
  readonly #waiting = new Set<Chunk>();
  #idle: (() => void) | undefined;
  #wanted = false;

  constructor(options: LineBufferOptions) {
    this.#o = { chunkBytes: 256 * 1024, chunks: 32, ...options };
  }

  /** Bytes that no output has been given yet. */
  get pending(): number {
    return this.#current?.used ?? 0;
  }

  /** How many lines of up to so many bytes it can take, whatever is written out meanwhile. */
  roomFor(bytes: number): number {
    const chunks = this.#o.chunks - this.#made + this.#free.length;
    return chunks * Math.max(1, Math.floor(this.#o.chunkBytes / bytes));
  }

  /** Everything written so far was taken. */
  get idle(): boolean {
    return this.#waiting.size === 0;
  }

  /**
   * Room for at least `most` bytes in the current chunk, or in a new one when that is full. Undefined when all
   * chunks wait for the reader: the caller's lines are lost, and counted here.
   */
  room(most: number, tag: number): Chunk | undefined {
    const chunk = this.#current;
    if (chunk !== undefined && chunk.used + most <= chunk.bytes.length) return chunk;
    const next = this.#next(most);
    if (next === undefined) this.#o.onLost(tag, 1);
    return next;
  }

  /** Adds a line (with its newline) of one tag. */
  append(line: string, tag: number): void {
    // A UTF-16 unit needs at most three bytes of UTF-8.
    const chunk = this.room(line.length * 3, tag);
    if (chunk === undefined) return;
    chunk.used += chunk.bytes.write(line, chunk.used, 'utf8');
    count(chunk, tag);
  }

  /** Hands over what is there as soon as the output has nothing else to do. */
  flushWhenIdle(): void {
    if (this.idle) this.flush();
    else this.#wanted = true;
  }

  /** Hands over what is there. */
  flush(): void {
    this.#wanted = false;
    const chunk = this.#current;
    if (chunk === undefined || chunk.used === 0) return;
    this.#current = undefined;
    this.#waiting.add(chunk);
    this.#o.output.write(chunk.bytes.subarray(0, chunk.used), (error) => {
      if (!this.#waiting.delete(chunk)) return;
      if (error) this.#lose(chunk);
      if (chunk.bytes.length === this.#o.chunkBytes) {
        chunk.used = 0;
        chunk.lines = [];
        this.#free.push(chunk);
      } else this.#made--;
      if (this.#waiting.size > 0) return;
      if (this.#wanted) this.flush();
      if (this.#waiting.size === 0) this.#idle?.();
    });
  }

  /** Resolves when the reader took everything, or after `ms`; then what is left is counted as lost. */
  async finish(ms: number): Promise<void> {
    this.flush();
    if (this.#waiting.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#idle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    for (const chunk of this.#waiting) this.#lose(chunk);
    this.#waiting.clear();
  }

  #lose(chunk: Chunk): void {
    chunk.lines.forEach((lines, tag) => {
      this.#o.onLost(tag, lines);
    });
  }

  #next(most: number): Chunk | undefined {
    this.flush();
    let chunk = most <= this.#o.chunkBytes ? this.#free.pop() : undefined;
    if (chunk === undefined) {
      if (this.#made >= this.#o.chunks) return undefined;
      this.#made++;
      const bytes = Buffer.allocUnsafeSlow(Math.max(most, this.#o.chunkBytes));
      chunk = { bytes, view: recordView(bytes), used: 0, lines: [] };
    }
    this.#current = chunk;
    return chunk;
  }
}

/** One more line of this tag is in the chunk. */
export function count(chunk: Chunk, tag: number): void {
  chunk.lines[tag] = (chunk.lines[tag] ?? 0) + 1;
}

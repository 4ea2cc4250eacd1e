import { closeSync, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Output, writeAll } from '@skep/runtime';

const MAX_BYTES = 10 * 1024 * 1024;
const FILES = 3;

export interface LogOptions {
  /** Of one file. */
  readonly maxBytes?: number;
  /** How many are kept; the oldest goes when a further one begins. */
  readonly files?: number;
}

/**
 * The log of an instance: JSON lines in files of bounded size and number. Each file's first line says how many lines
 * the files before it had, so that a reader knows what is gone: `{"log":{"before":1234}}`.
 */
export class InstanceLog implements Output {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #files: number;
  /** Lines of the files that are there, oldest first. */
  #lines: number[] = [];
  #generation = 0;
  #fd = -1;
  #bytes = 0;
  #before = 0;
  #onClose: ((error: Error) => void) | undefined;
  /** Lines that went with files that had to make room. */
  dropped = 0;

  constructor(folder: string, { maxBytes = MAX_BYTES, files = FILES }: LogOptions = {}) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#files = files;
    this.#next();
  }

  /** A chunk of whole lines. */
  write(chunk: Uint8Array, done: (error?: Error | null) => void): void {
    try {
      if (this.#bytes > 0 && this.#bytes + chunk.length > this.#maxBytes) this.#next();
      this.#put(chunk);
    } catch (error) {
      done(error as Error);
      this.#onClose?.(error as Error);
      this.#onClose = undefined;
      return;
    }
    done();
  }

  /** What `skep run` would have said on stderr. */
  note(text: string): void {
    const line = `${JSON.stringify({ time: new Date().toISOString(), note: text })}\n`;
    this.write(Buffer.from(line), (error) => {
      if (error) process.stderr.write(`${text}\n(not in the log: ${error.message})\n`);
    });
  }

  onClose(callback: (error: Error) => void): void {
    this.#onClose = callback;
  }

  /** The runtime's end is not the log's: notes follow. See {@link InstanceLog.end}. */
  close(): void {
    this.#onClose = undefined;
  }

  end(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #put(chunk: Uint8Array): void {
    writeAll(this.#fd, chunk);
    this.#bytes += chunk.length;
    let lines = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
    this.#lines[this.#lines.length - 1]! += lines;
  }

  #path(generation: number): string {
    return join(this.#folder, `log.${String(generation).padStart(8, '0')}.jsonl`);
  }

  #next(): void {
    const full = this.#fd;
    this.#before += this.#lines.at(-1) ?? 0;
    if (this.#lines.length >= this.#files) {
      unlinkSync(this.#path(this.#generation - this.#lines.length + 1));
      this.dropped += this.#lines.shift()!;
    }
    this.#fd = openSync(this.#path(++this.#generation), 'ax', 0o600);
    if (full >= 0) closeSync(full);
    this.#lines.push(0);
    this.#bytes = 0;
    writeAll(this.#fd, Buffer.from(`${JSON.stringify({ log: { before: this.#before } })}\n`));
  }
}

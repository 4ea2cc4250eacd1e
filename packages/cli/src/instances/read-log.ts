import { closeSync, type FSWatcher, openSync, readSync, watch } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { generationOf, logFiles } from './log-files.ts';

const CHUNK = 64 * 1024;

export interface ReadOptions {
  /** Only the last so many lines. */
  readonly tail?: number;
  /** Only lines from this time on, milliseconds since 1970. */
  readonly since?: number;
}

/** A line of the log, and what the files that are gone had. */
export interface LogReader {
  line(text: string): void | Promise<void>;
  /** Called when lines are missing before the next one. */
  dropped(lines: number): void;
}

/**
 * Reads what is there; returns where to go on from, to be disposed of.
 *
 * @throws what reading a file throws
 */
export async function readLog(folder: string, reader: LogReader, options: ReadOptions): Promise<Position> {
  const position = new Position(folder);
  const kept: string[] = [];
  const { tail, since } = options;
  let dropped = 0;
  await position.read({
    dropped: (n) => {
      dropped = n;
    },
    line: (text) => {
      if (since !== undefined && timeOf(text) < since) return undefined;
      if (tail === undefined) return reader.line(text);
      kept.push(text);
      if (kept.length > 2 * tail + 1000) kept.splice(0, kept.length - tail);
      return undefined;
    },
  });
  if (dropped > 0 && tail === undefined && since === undefined) reader.dropped(dropped);
  for (const text of tail === undefined ? [] : kept.slice(Math.max(0, kept.length - tail)))
    await reader.line(text);
  return position;
}

/**
 * How far a log has been read. It holds the file open that it is in: what is in there can be read when the log's folder has been
 * taken away (`skep run --rm`).
 */
export class Position implements Disposable {
  readonly #folder: string;
  #generation = 0;
  #fd = -1;
  #decoder = new StringDecoder('utf8');
  #rest = '';
  /** Lines that were read, or told as dropped. */
  #seen = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** All that came since. */
  async read(reader: LogReader): Promise<void> {
    for (;;) {
      if (this.#fd >= 0) await this.#readOn(reader);
      const next = logFiles(this.#folder).find((f) => generationOf(f) > this.#generation);
      if (next === undefined) return;
      // Nothing is written to a file any more when there is a further one.
      if (this.#fd >= 0) await this.#readOn(reader);
      this.#open(next);
    }
  }

  #open(file: string): void {
    let fd: number;
    try {
      fd = openSync(join(this.#folder, file), 'r');
    } catch (error) {
      // It made room for a further one meanwhile; that one's head says what was lost.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return;
    }
    this[Symbol.dispose]();
    this.#fd = fd;
    this.#generation = generationOf(file);
    this.#decoder = new StringDecoder('utf8');
    this.#rest = '';
  }

  /** To the end of the file as it is now. */
  async #readOn(reader: LogReader): Promise<void> {
    const chunk = Buffer.allocUnsafe(CHUNK);
    for (;;) {
      const length = readSync(this.#fd, chunk);
      if (length === 0) return;
      const lines = (this.#rest + this.#decoder.write(chunk.subarray(0, length))).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) {
        if (line.startsWith('{"log":')) this.#head(line, reader);
        else {
          this.#seen++;
          await reader.line(line);
        }
      }
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #head(line: string, reader: LogReader): void {
    const { before } = (JSON.parse(line) as { log: { before: number } }).log;
    if (before > this.#seen) reader.dropped(before - this.#seen);
    this.#seen = before;
  }
}

/** When a line is from, milliseconds since 1970; NaN for one that does not say. */
function timeOf(line: string): number {
  const time = /^\{"time":"([^"]+)"/.exec(line)?.[1];
  return time === undefined ? Number.NaN : Date.parse(time);
}

/**
 * Goes on until the log ends.
 *
 * @param ended whether nothing more will come; asked after each look
 */
export async function followLog(
  folder: string,
  position: Position,
  reader: LogReader,
  ended: () => boolean,
  stop: AbortSignal,
): Promise<void> {
  let wake = () => {};
  const watcher = watching(folder, () => wake());
  // Of a process that was killed nothing is written any more.
  const timer = setInterval(() => wake(), 1000);
  const aborted = (): void => wake();
  stop.addEventListener('abort', aborted);
  try {
    while (!stop.aborted) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const last = ended();
      await position.read(reader);
      if (last) return;
      await woken;
    }
  } finally {
    stop.removeEventListener('abort', aborted);
    watcher?.close();
    clearInterval(timer);
  }
}

/** Undefined when the folder is gone already. */
function watching(folder: string, changed: () => void): FSWatcher | undefined {
  try {
    return watch(folder, changed);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}

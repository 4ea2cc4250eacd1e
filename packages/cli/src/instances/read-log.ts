import { createReadStream, existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { generationOf, logFiles } from './log.ts';

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
 * Reads what is there; returns where to go on from.
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

/** How far a log has been read. */
export class Position {
  readonly #folder: string;
  #generation = 0;
  #offset = 0;
  #rest = '';
  /** Lines that were read, or told as dropped. */
  #seen = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** All that came since. */
  async read(reader: LogReader): Promise<void> {
    for (;;) {
      const files = logFiles(this.#folder);
      const current = files.find((f) => generationOf(f) === this.#generation);
      if (current) await this.#file(current, reader);
      const next = files.find((f) => generationOf(f) > this.#generation);
      if (next === undefined) return;
      this.#generation = generationOf(next);
      this.#offset = 0;
      this.#rest = '';
    }
  }

  async #file(file: string, reader: LogReader): Promise<void> {
    const stream = createReadStream(join(this.#folder, file), { start: this.#offset, encoding: 'utf8' });
    try {
      for await (const chunk of stream as AsyncIterable<string>) {
        this.#offset += Buffer.byteLength(chunk);
        const lines = (this.#rest + chunk).split('\n');
        this.#rest = lines.pop()!;
        for (const line of lines) {
          if (line.startsWith('{"log":')) this.#head(line, reader);
          else {
            this.#seen++;
            await reader.line(line);
          }
        }
      }
    } catch (error) {
      // It made room for a further one meanwhile; that one's head says what was lost.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
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
  const watcher = watch(folder, () => wake());
  // Of a process that was killed nothing is written any more.
  const timer = setInterval(() => wake(), 1000);
  try {
    while (!stop.aborted && existsSync(folder)) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
        stop.addEventListener('abort', () => resolve(), { once: true });
      });
      const last = ended();
      await position.read(reader);
      if (last) return;
      await woken;
    }
  } catch (error) {
    // skep rm took it away.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    watcher.close();
    clearInterval(timer);
  }
}

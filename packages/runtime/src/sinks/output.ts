import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/** Where chunks go. A chunk belongs to the output until `done`. */
export interface Output {
  /** Takes a chunk. `done` is called when its bytes are on their way and its memory may be used again. */
  write(chunk: Uint8Array, done: (error?: Error | null) => void): void;
  /** Calls back once when the reading end went away or writing failed for another reason. */
  onClose(callback: (error: Error) => void): void;
  /** No more writes; frees what the output opened itself. What is not taken by then is given up. */
  close(): void;
}

/**
 * Opens a file descriptor for writing without ever blocking the event loop on a slow reader.
 *
 * A pipe is opened anew through /proc/self/fd, so that it can be non-blocking for us and stay as it is for others
 * that share the descriptor. Files and terminals take what is written at once.
 */
export function openOutput(target: number | Writable): Output {
  if (typeof target !== 'number') return new StreamOutput(target, () => {});
  const stat = fstatSync(target);
  if (!stat.isFIFO() && !stat.isSocket()) return new FileOutput(target);
  let fd = target;
  try {
    if (stat.isFIFO()) fd = openSync(`/proc/self/fd/${target}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    // ENXIO: nobody reads any more. EACCES: the pipe is another user's; then it is used as it is.
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return new ClosedOutput(error as Error);
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
  }
  const socket = new Socket({ fd, readable: false, writable: true });
  return new StreamOutput(socket, () => socket.destroy());
}

/** Whether writing failed for want of room, not of a reader. */
export function isFull(error: Error): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** A pipe whose reader was gone before the first write. */
class ClosedOutput implements Output {
  readonly #error: Error;

  constructor(error: Error) {
    this.#error = error;
  }

  write(_chunk: Uint8Array, done: (error?: Error | null) => void): void {
    done(this.#error);
  }

  onClose(callback: (error: Error) => void): void {
    queueMicrotask(() => callback(this.#error));
  }

  close(): void {}
}

/** Writes all of a chunk to a file, where the system may take it in parts. @throws what writing throws */
export function writeAll(fd: number, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
}

/** Opens a file to append to. */
export function openFileOutput(path: string): Output {
  const fd = openSync(path, 'a');
  return new FileOutput(fd, () => closeSync(fd));
}

class StreamOutput implements Output {
  readonly #stream: Writable;
  readonly #release: () => void;
  #failed: Error | undefined;
  #onClose: ((error: Error) => void) | undefined;

  constructor(stream: Writable, release: () => void) {
    this.#stream = stream;
    this.#release = release;
    stream.on('error', (error: Error) => this.#fail(error));
    stream.on('close', () => this.#fail(new Error('the output was closed')));
  }

  write(chunk: Uint8Array, done: (error?: Error | null) => void): void {
    if (this.#failed) done(this.#failed);
    else this.#stream.write(chunk, done);
  }

  onClose(callback: (error: Error) => void): void {
    this.#onClose = callback;
  }

  close(): void {
    this.#onClose = undefined;
    this.#release();
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    this.#onClose?.(error);
    this.#onClose = undefined;
  }
}

class FileOutput implements Output {
  readonly #fd: number;
  readonly #release: () => void;
  #onClose: ((error: Error) => void) | undefined;

  constructor(fd: number, release: () => void = () => {}) {
    this.#fd = fd;
    this.#release = release;
  }

  write(chunk: Uint8Array, done: (error?: Error | null) => void): void {
    try {
      writeAll(this.#fd, chunk);
    } catch (error) {
      done(error as Error);
      this.#onClose?.(error as Error);
      this.#onClose = undefined;
      return;
    }
    done();
  }

  onClose(callback: (error: Error) => void): void {
    this.#onClose = callback;
  }

  close(): void {
    this.#release();
  }
}

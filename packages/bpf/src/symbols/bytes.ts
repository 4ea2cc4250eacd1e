import { closeSync, fstatSync, readSync } from 'node:fs';

/** Bytes that are read a piece at a time: a file that is too large to be read whole, or a piece of memory. */
export interface ByteSource {
  readonly size: number;
  /** Up to `length` bytes from `offset`; fewer where the source ends. */
  read(offset: number, length: number): Buffer;
  close(): void;
}

/** A regular file by its descriptor, which it owns from here on. */
export class FileBytes implements ByteSource {
  readonly size: number;
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
    this.size = fstatSync(fd).size;
  }

  /** Milliseconds since 1970: whether the file was written to since it was read. */
  get changedAt(): number {
    return fstatSync(this.#fd).mtimeMs;
  }

  /** Bytes the file has now. */
  get sizeNow(): number {
    return fstatSync(this.#fd).size;
  }

  read(offset: number, length: number): Buffer {
    return this.readAt(offset, Math.max(0, Math.min(length, this.size - offset)));
  }

  /** The same for a file that has grown since it was opened. */
  readAt(offset: number, wanted: number): Buffer {
    const buffer = Buffer.allocUnsafe(wanted);
    let got = 0;
    while (got < wanted) {
      const n = readSync(this.#fd, buffer, got, wanted - got, offset + got);
      if (n === 0) break;
      got += n;
    }
    return buffer.subarray(0, got);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** What is in memory already. */
export class MemoryBytes implements ByteSource {
  readonly size: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.size = bytes.length;
  }

  read(offset: number, length: number): Buffer {
    return this.#bytes.subarray(offset, Math.min(this.size, offset + length));
  }

  close(): void {}
}

/** A 64-bit number where it is exact, else -1: no offset or user address of ours is above 2^53. */
export function u64(bytes: Buffer, at: number): number {
  const value = bytes.readUInt32LE(at + 4) * 0x1_0000_0000 + bytes.readUInt32LE(at);
  return Number.isSafeInteger(value) ? value : -1;
}

/** The text up to the first NUL at `offset`, at most `most` bytes of it. */
export function textAt(source: ByteSource, offset: number, most = 4096): string {
  // Most names are short; a long C++ one costs a second read.
  for (const length of [256, most]) {
    const bytes = source.read(offset, length);
    const end = bytes.indexOf(0);
    if (end >= 0) return bytes.toString('utf8', 0, end);
    if (bytes.length < length || length === most) return bytes.toString('utf8');
  }
  return '';
}

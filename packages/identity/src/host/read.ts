import { closeSync, constants, openSync, readSync } from 'node:fs';

// Files of /proc have no size to trust, are small, and are read a hundred thousand times: one buffer serves all of
// them. Reads are synchronous, so nobody else can be in it.
let scratch = Buffer.allocUnsafe(64 * 1024);

/**
 * The beginning of a file as bytes, at most `max` of them; undefined when it cannot be opened or read (the process is
 * gone, not ours to read). The bytes are valid until the next call: copy or decode them at once.
 */
export function readBytes(path: string, max = 64 * 1024): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined; // absent and forbidden are the same to who asks: not to be known
  }
  try {
    return readStart(fd, max);
  } finally {
    closeSync(fd);
  }
}

/** As {@link readBytes}, of an open file. Leaves it open. */
export function readStart(fd: number, max: number): Buffer | undefined {
  let length = 0;
  try {
    for (;;) {
      if (length === scratch.length && length < max) {
        const larger = Buffer.allocUnsafe(Math.min(scratch.length * 2, 4 * 1024 * 1024));
        if (larger.length === scratch.length) break;
        scratch.copy(larger);
        scratch = larger;
      }
      const n = readSync(fd, scratch, length, Math.min(scratch.length, max) - length, null);
      if (n === 0) break;
      length += n;
      if (length >= max) break;
    }
  } catch {
    return undefined; // ESRCH: it ended between open and read. EISDIR, EIO: nothing that can be known
  }
  return scratch.subarray(0, length);
}

/** As {@link readBytes}, decoded. What is not UTF-8 becomes U+FFFD. */
export function readText(path: string, max?: number): string | undefined {
  return readBytes(path, max)?.toString('utf8');
}

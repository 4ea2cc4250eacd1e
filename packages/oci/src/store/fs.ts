import { closeSync, existsSync, fsync, mkdirSync, openSync, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errno, OciError } from '../errors.ts';

/** Turns an error of the file system into a sentence about the store. Errors of ours pass through. */
export function storeError(e: unknown, doing: string, dir: string): OciError {
  if (e instanceof OciError) return e;
  const code = errno(e);
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new OciError('SKEP_DISK_FULL', `${doing} failed: no space left for the image store ${dir}.`, {
      hint: 'Free some space there (skep rm IMAGE), or choose another place with --storage.',
      cause: e,
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const [why, how] =
      code === 'EROFS'
        ? ['it is on a read-only file system', 'Make that file system writable']
        : ['this user may not', 'Run as the owner of that folder'];
    return new OciError('SKEP_STORE_ACCESS', `${doing} failed in the image store ${dir}: ${why}.`, {
      hint: `${how}, or choose another place with --storage.`,
      cause: e,
    });
  }
  if (code === 'ENOTDIR') {
    return new OciError(
      'SKEP_STORE_CORRUPT',
      `No image store can be at ${dir}: that is, or lies in, a file.`,
      {
        hint: 'Name a folder with --storage.',
        cause: e,
      },
    );
  }
  const reason = e instanceof Error ? e.message : String(e);
  return new OciError('SKEP_STORE_CORRUPT', `${doing} failed in the image store ${dir}: ${reason}.`, {
    hint: 'See what is in that folder, or choose another place with --storage.',
    cause: e,
  });
}

/** Makes a folder and those above it. @returns the first that was made; undefined when all were there */
export function makeFolder(path: string): string | undefined {
  try {
    return mkdirSync(path, { recursive: true });
  } catch (e) {
    if (errno(e) !== 'ENOENT') throw e;
    // So Node says of a read-only file system too. What is wrong, the first that is absent says when it is made alone.
    let first = path;
    while (!existsSync(dirname(first))) first = dirname(first);
    mkdirSync(first);
    return mkdirSync(path, { recursive: true }) ?? first;
  }
}

/** Makes renames inside a folder last through a power cut. */
export async function syncDir(dir: string): Promise<void> {
  const fd = openSync(dir, 'r');
  try {
    await fsyncFd(fd);
  } finally {
    closeSync(fd);
  }
}

/** Waits until a file is on the disk. */
export function fsyncFd(fd: number): Promise<void> {
  return new Promise((resolve, reject) => fsync(fd, (e) => (e === null ? resolve() : reject(e))));
}

/**
 * Writes a small new file and fsyncs it. Only the fsync leaves the main thread: writing to the page cache takes
 * microseconds, a turn through the thread pool up to a millisecond.
 */
export async function writeNewFile(path: string, data: Uint8Array): Promise<void> {
  const fd = openSync(path, 'wx', 0o644);
  try {
    writeAll(fd, data);
    await fsyncFd(fd);
  } finally {
    closeSync(fd);
  }
}

/** Writes all of it at the end of a file; a short write continues where it stopped. */
export function writeAll(fd: number, data: Uint8Array): void {
  for (let at = 0; at < data.length; ) at += writeSync(fd, data, at);
}

/** The same on another thread. One at a time of a file. */
export async function writeAside(fd: number, data: Uint8Array): Promise<void> {
  const once = (at: number) =>
    new Promise<number>((resolve, reject) =>
      write(fd, data, at, (e, written) => (e === null ? resolve(written) : reject(e))),
    );
  for (let at = 0; at < data.length; ) at += await once(at);
}

import { closeSync, openSync, readdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestLike, hasher } from '../digest.ts';
import { errno, OciError } from '../errors.ts';
import { isDigest } from '../reference.ts';
import { fsyncFd, storeError, syncDir, writeAll, writeAside, writeNewFile } from './fs.ts';
import { uniqueName } from './owner.ts';

const BATCH_BYTES = 1024 * 1024;
/** So much at a time goes to the disk while more arrives: nobody waits for all of a large blob at its end. */
const SYNC_BYTES = 64 * 1024 * 1024;
/** Worth a thread of its own. */
const LARGE_BYTES = 256 * 1024;
const ALGORITHMS = ['sha256', 'sha512'];

/** The files under `blobs/`: content named by its digest. */
export class Blobs {
  readonly #dir: string;
  readonly #workDir: string;
  /** What {@link Blobs.path} begins with. */
  readonly #folder: string;

  constructor(dir: string, workDir: string) {
    this.#dir = dir;
    this.#workDir = workDir;
    this.#folder = join(dir, 'blobs');
  }

  /** The folder of an algorithm's blobs. */
  folder(algorithm = 'sha256'): string {
    return `${this.#folder}/${algorithm}`;
  }

  /** Makes all that was published last through a power cut: the folders of every algorithm that has blobs. */
  async sync(): Promise<void> {
    const folders = readdirSync(join(this.#dir, 'blobs')).filter((name) => ALGORITHMS.includes(name));
    await Promise.all(folders.map((name) => syncDir(this.folder(name))));
  }

  path(digest: string): string {
    if (!isDigest(digest)) {
      throw new OciError('SKEP_REFERENCE_INVALID', `"${digest}" is not a digest.`, {
        hint: 'Write sha256:DIGEST.',
      });
    }
    const [algorithm, hex] = digest.split(':') as [string, string];
    // Of a digest that is one, there is nothing to normalize; removing an image asks for ten thousands of paths.
    return `${this.folder(algorithm)}/${hex}`;
  }

  /** Bytes of a blob, or undefined when it is not there. */
  size(digest: string): number | undefined {
    // Not through the thread pool, whose threads may all be waiting for the disk in fsync.
    try {
      return statSync(this.path(digest), { throwIfNoEntry: false })?.size;
    } catch (e) {
      throw storeError(e, `Looking for blob ${digest}`, this.#dir);
    }
  }

  /** @throws OciError SKEP_STORE_CORRUPT when it is absent or its content has another digest */
  async read(digest: string): Promise<Uint8Array> {
    let data: Uint8Array;
    try {
      const path = this.path(digest);
      // Manifests and configs: reading them at once is faster than a turn through the thread pool.
      const size = statSync(path, { throwIfNoEntry: false })?.size;
      data = size !== undefined && size <= BATCH_BYTES ? readFileSync(path) : await readFile(path);
    } catch (e) {
      if (errno(e) === 'ENOENT') throw this.damaged(digest, 'is missing');
      throw storeError(e, `Reading blob ${digest}`, this.#dir);
    }
    if (digestLike(digest, data) !== digest)
      throw this.damaged(digest, 'is damaged: its content has another digest');
    return data;
  }

  /** The content in pieces; the digest is checked on the way, and a mismatch throws after the last piece. */
  async *stream(digest: string): AsyncGenerator<Uint8Array> {
    let handle: FileHandle;
    try {
      handle = await open(this.path(digest), 'r');
    } catch (e) {
      if (errno(e) === 'ENOENT') throw this.damaged(digest, 'is missing');
      throw storeError(e, `Reading blob ${digest}`, this.#dir);
    }
    const hash = hasher(digest.split(':')[0]);
    try {
      for (;;) {
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(BATCH_BYTES), 0, BATCH_BYTES);
        if (bytesRead === 0) break;
        const piece = buffer.subarray(0, bytesRead);
        hash.update(piece);
        yield piece;
      }
    } finally {
      await handle.close();
    }
    if (hash.digest() !== digest) throw this.damaged(digest, 'is damaged: its content has another digest');
  }

  /** Whether the content has its digest; false when it is gone. */
  async isSound(digest: string): Promise<boolean> {
    try {
      if ((this.size(digest) ?? 0) <= BATCH_BYTES) await this.read(digest);
      else for await (const _ of this.stream(digest));
      return true;
    } catch (e) {
      if (e instanceof OciError && e.code === 'SKEP_STORE_CORRUPT') return false;
      throw e;
    }
  }

  /** All digests there, with their paths. */
  list(): { digest: string; path: string }[] {
    const found: { digest: string; path: string }[] = [];
    for (const algorithm of ALGORITHMS) {
      const folder = this.folder(algorithm);
      let names: string[] = [];
      try {
        names = readdirSync(folder);
      } catch (e) {
        if (errno(e) !== 'ENOENT') throw e;
      }
      for (const name of names) {
        const digest = `${algorithm}:${name}`;
        if (isDigest(digest)) found.push({ digest, path: `${folder}/${name}` });
      }
    }
    return found;
  }

  /** Milliseconds since the blob was written; undefined when it is gone. */
  age(path: string): number | undefined {
    const s = statSync(path, { throwIfNoEntry: false });
    return s === undefined ? undefined : Date.now() - s.mtimeMs;
  }

  /** @returns whether it was there */
  delete(path: string): boolean {
    try {
      unlinkSync(path);
      return true;
    } catch (e) {
      if (errno(e) === 'ENOENT') return false;
      throw e;
    }
  }

  /**
   * Writes content to a temporary file and fsyncs it. It becomes a blob by {@link publish}.
   *
   * @param expected what it must turn out to be
   * @throws OciError SKEP_DIGEST_MISMATCH, SKEP_DISK_FULL; the temporary file is gone then
   */
  async stage(
    data: Uint8Array | AsyncIterable<Uint8Array>,
    expected: { digest?: string; size?: number },
  ): Promise<{ path: string; digest: string; size: number }> {
    const path = join(this.#workDir, `${uniqueName()}.tmp`);
    try {
      if (data instanceof Uint8Array && data.length <= BATCH_BYTES) {
        const digest = digestLike(expected.digest ?? 'sha256:', data);
        check(digest, data.length, expected);
        await writeNewFile(path, data);
        return { path, digest, size: data.length };
      }
      const fd = openSync(path, 'wx', 0o644);
      try {
        const written = await writeStream(fd, data instanceof Uint8Array ? slices(data) : data, expected);
        await fsyncFd(fd);
        return { path, ...written };
      } finally {
        closeSync(fd);
      }
    } catch (e) {
      await this.discard(path);
      // What the caller's own iterable throws is the caller's.
      throw e instanceof Error && 'syscall' in e ? storeError(e, 'Writing a blob', this.#dir) : e;
    }
  }

  async publish(path: string, digest: string): Promise<void> {
    try {
      const target = this.path(digest);
      await rename(path, target).catch(async (e: unknown) => {
        if (errno(e) !== 'ENOENT') throw e;
        await mkdir(dirname(target), { recursive: true });
        await syncDir(join(this.#dir, 'blobs'));
        await rename(path, target);
      });
    } catch (e) {
      throw storeError(e, `Writing blob ${digest}`, this.#dir);
    }
  }

  async discard(path: string): Promise<void> {
    await unlink(path).catch((e: unknown) => {
      if (errno(e) !== 'ENOENT') throw storeError(e, 'Removing a temporary file', this.#dir);
    });
  }

  damaged(digest: string, what: string): OciError {
    return new OciError('SKEP_STORE_CORRUPT', `Blob ${digest} of the image store ${this.#dir} ${what}.`, {
      hint: 'Pull or build the image that needs it again; skep verify --store says which that is.',
    });
  }
}

type Expected = { digest?: string; size?: number };

/** In pieces, so that hashing a large one does not hold everything else up. */
async function* slices(data: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += BATCH_BYTES) yield data.subarray(at, at + BATCH_BYTES);
}

/**
 * Hashes a piece while the one before it is written: its memory may be used again when the next but one is asked for. A small
 * one is written on the spot, which takes less than a turn through the thread pool.
 */
async function writeStream(fd: number, data: AsyncIterable<Uint8Array>, expected: Expected) {
  const hash = hasher(expected.digest?.split(':')[0]);
  let size = 0;
  let unsynced = 0;
  let writing: Promise<void> = Promise.resolve();
  let syncing: Promise<void> = Promise.resolve();
  const sync = async () => {
    await syncing;
    await fsyncFd(fd);
  };
  try {
    for await (const chunk of data) {
      size += chunk.length;
      if (expected.size !== undefined && size > expected.size) check('', size, expected);
      hash.update(chunk);
      await writing;
      if (chunk.length < LARGE_BYTES) writeAll(fd, chunk);
      else writing = writeAside(fd, chunk);
      writing.catch(() => undefined); // thrown above, or below
      unsynced += chunk.length;
      if (unsynced < SYNC_BYTES) continue;
      unsynced = 0;
      syncing = sync();
      syncing.catch(() => undefined); // thrown below
    }
  } finally {
    await Promise.all([writing, syncing]); // the file must not be closed under them
  }
  const digest = hash.digest();
  check(digest, size, expected);
  return { digest, size };
}

function check(digest: string, size: number, expected: Expected): void {
  const hint = 'Try again; if it stays so, the content was changed on its way or at its source.';
  if (expected.size !== undefined && size !== expected.size) {
    const what = expected.digest ?? 'The content';
    const got = size > expected.size ? 'more' : `only ${size}`;
    throw new OciError(
      'SKEP_DIGEST_MISMATCH',
      `${what} should have ${expected.size} bytes, but has ${got}.`,
      { hint },
    );
  }
  if (expected.digest !== undefined && digest !== expected.digest) {
    throw new OciError('SKEP_DIGEST_MISMATCH', `Content that should be ${expected.digest} is ${digest}.`, {
      hint,
    });
  }
}

import { readdirSync, readFileSync } from 'node:fs';
import { link, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errno, OciError, printable } from '../errors.ts';
import { isDescriptor, isObject } from '../manifest.ts';
import type { Descriptor } from '../types.ts';
import { MEDIA_TYPE } from '../types.ts';
import { makeFolder, storeError, syncDir, writeNewFile } from './fs.ts';
import { withLock } from './lock.ts';
import { uniqueName } from './owner.ts';

// https://github.com/opencontainers/image-spec/blob/main/image-layout.md. What is ours besides lies in `.skep`.
const LAYOUT_VERSION = '1.0.0';
const STORE_VERSION = 1;

/** index.json as it was read: unknown fields are written back. */
export interface IndexFile {
  manifests: Descriptor[];
  [field: string]: unknown;
}

/** The places and the two small files of a store folder. */
export class Layout {
  readonly dir: string;
  /** Lock and version. */
  readonly ownDir: string;
  /** Temporaries and leases; every name in it begins with its owner's. */
  readonly workDir: string;

  constructor(dir: string) {
    this.dir = dir;
    this.ownDir = join(dir, '.skep');
    this.workDir = join(this.ownDir, 'work');
  }

  /** @returns whether there is a store yet. @throws OciError SKEP_STORE_VERSION, SKEP_STORE_CORRUPT */
  check(): boolean {
    const layout = this.#read('oci-layout');
    const own = this.#read(join('.skep', 'version'));
    if (own !== undefined && Number(own.trim()) > STORE_VERSION)
      this.#newer(`store version ${printable(own, 20)}`);
    if (layout === undefined) return this.#read('index.json') !== undefined;
    const json = this.#json('oci-layout', layout);
    const version = json.imageLayoutVersion;
    if (typeof version !== 'string') this.#corrupt('oci-layout', 'has no imageLayoutVersion');
    else if (version.split('.')[0] !== '1') this.#newer(`image layout ${printable(version, 20)}`);
    return true;
  }

  /** Makes the store's folders and its two marks, each only if absent. */
  async create(): Promise<void> {
    try {
      makeFolder(this.dir);
      const foreign = readdirSync(this.dir).filter(
        (n) => !['.skep', 'blobs', 'oci-layout', 'index.json'].includes(n),
      );
      if (foreign.length > 0 && !this.check()) {
        throw new OciError(
          'SKEP_STORE_CORRUPT',
          `${this.dir} is not an image store: it holds ${foreign[0]}.`,
          {
            hint: 'Give an empty or absent folder with --storage.',
          },
        );
      }
      const made = makeFolder(join(this.dir, 'blobs', 'sha256'));
      makeFolder(this.workDir);
      // The store's own folder is synced with each index.json; what is above and below it, only when it is new.
      if (made !== undefined) await Promise.all([dirname(this.dir), join(this.dir, 'blobs')].map(syncDir));
      // Two processes may create the store at once, and the faster one may have added an image already: each file is
      // linked into place only where none is. All at once, because each is an fsync.
      const marks: [name: string, text: string][] = [
        [join('.skep', 'version'), `${STORE_VERSION}\n`],
        ['oci-layout', JSON.stringify({ imageLayoutVersion: LAYOUT_VERSION })],
        ['index.json', JSON.stringify(emptyIndex())],
      ];
      const absent = marks.filter(([name]) => this.#read(name) === undefined);
      await Promise.all(absent.map(([name, text]) => this.#writeNew(name, text)));
    } catch (e) {
      throw storeError(e, 'Creating', this.dir);
    }
  }

  /** index.json, checked; an absent one is empty. @throws OciError SKEP_STORE_CORRUPT */
  readIndex(): IndexFile {
    const text = this.#read('index.json');
    if (text === undefined) return emptyIndex();
    const json = this.#json('index.json', text);
    const manifests = json.manifests ?? [];
    if (!Array.isArray(manifests)) return this.#corrupt('index.json', 'has no list of manifests');
    manifests.forEach((m, i) => {
      if (!isDescriptor(m)) this.#corrupt('index.json', `is broken at entry ${i}`);
    });
    return { ...json, manifests: manifests as Descriptor[] };
  }

  /**
   * Replaces index.json; only under the lock. It is on the disk when this returns.
   *
   * @param before must have ended well before the new content counts; runs beside the writing of it
   */
  async writeIndex(index: IndexFile, before: () => Promise<void> = async () => undefined): Promise<void> {
    try {
      const [staged, ready] = await Promise.allSettled([this.#stage(JSON.stringify(index)), before()]);
      if (staged.status === 'rejected') throw staged.reason;
      try {
        if (ready.status === 'rejected') throw ready.reason;
        await rename(staged.value, join(this.dir, 'index.json'));
      } catch (e) {
        await unlink(staged.value).catch(() => undefined); // best effort, as above
        throw e;
      }
      await syncDir(this.dir);
    } catch (e) {
      throw storeError(e, 'Writing index.json', this.dir);
    }
  }

  /** Runs something while no other process changes the store. @throws OciError SKEP_STORE_… when the system refuses */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await withLock(this.ownDir, work);
    } catch (e) {
      throw e instanceof Error && 'syscall' in e ? storeError(e, 'Working', this.dir) : e;
    }
  }

  async #writeNew(name: string, text: string): Promise<void> {
    const temporary = await this.#stage(text);
    try {
      await link(temporary, join(this.dir, name)).catch((e: unknown) => {
        if (errno(e) !== 'EEXIST') throw e;
      });
    } finally {
      await unlink(temporary);
    }
  }

  /** Writes and fsyncs a temporary file. It is gone again if that fails. */
  async #stage(text: string): Promise<string> {
    const temporary = join(this.workDir, `${uniqueName()}.tmp`);
    try {
      await writeNewFile(temporary, Buffer.from(text));
    } catch (e) {
      await unlink(temporary).catch(() => undefined); // best effort: the first error counts, the next open cleans up
      throw e;
    }
    return temporary;
  }

  #read(name: string): string | undefined {
    try {
      return readFileSync(join(this.dir, name), 'utf8');
    } catch (e) {
      if (errno(e) === 'ENOENT') return undefined;
      throw storeError(e, `Reading ${name}`, this.dir);
    }
  }

  #json(name: string, text: string): Record<string, unknown> {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (e) {
      return this.#corrupt(name, 'is not JSON', e);
    }
    return isObject(json) ? json : this.#corrupt(name, 'is not a JSON object');
  }

  #corrupt(name: string, why: string, cause?: unknown): never {
    throw new OciError('SKEP_STORE_CORRUPT', `${join(this.dir, name)} ${why}.`, {
      hint: `Restore it, or move ${this.dir} away and pull or build the images again.`,
      cause,
    });
  }

  #newer(what: string): never {
    throw new OciError(
      'SKEP_STORE_VERSION',
      `The image store ${this.dir} was written by a newer skep (${what}).`,
      {
        hint: 'Update skep, or choose another place with --storage.',
      },
    );
  }
}

function emptyIndex(): IndexFile {
  return { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [] };
}

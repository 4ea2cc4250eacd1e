import { rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OciError, printable } from '../errors.ts';
import { isIndexType } from '../manifest.ts';
import { type Descriptor, SUBJECT } from '../types.ts';
import type { Blobs } from './blobs.ts';
import { isImage } from './entries.ts';
import { storeError } from './fs.ts';
import type { IndexFile, Layout } from './layout.ts';
import { readWorkFolder } from './lease.ts';
import { clearTakeovers, withLock } from './lock.ts';
import { nameOf, needEntries } from './names.ts';
import { uniqueName } from './owner.ts';
import type { Reach } from './reach.ts';
import { type Asking, Together } from './together.ts';

// A blob that nothing refers to and no process of ours has leased may belong to another tool that is just copying
// into the store (skopeo writes blobs first and knows no leases): it is left alone for this long.
const FOREIGN_BLOB_MS = 60 * 60 * 1000;

/** A blob that {@link Store.prune} took, or spared. */
export interface PrunedBlob {
  digest: string;
  /** Bytes. */
  size: number;
}

/** The names that went with a removal, and the digests of the blobs that went. */
export interface Removed {
  removed: string[];
  freed: string[];
}

/** An image that is being removed: the entries of its name, and all that they led to. */
interface Leaving extends Removed {
  ref: string;
  candidates: Set<string>;
}

/** Takes images out of a store, and the blobs that nothing else needs. */
export class Removal {
  readonly #layout: Layout;
  readonly #blobs: Blobs;
  readonly #reach: Reach;
  readonly #removing = new Together<string, Removed>((take) => this.#removeAll(take));

  constructor(layout: Layout, blobs: Blobs, reach: Reach) {
    this.#layout = layout;
    this.#blobs = blobs;
    this.#reach = reach;
  }

  /** See {@link Store.remove}. Removals that are asked for at the same time are one. */
  remove(ref: string): Promise<Removed> {
    return this.#removing.ask(ref);
  }

  async #removeAll(take: () => Asking<string, Removed>[]): Promise<void> {
    const done = await this.#layout.locked(async () => {
      const index = this.#layout.readIndex();
      const leaving: [Asking<string, Removed>, Leaving][] = [];
      for (const asking of take()) {
        try {
          leaving.push([asking, await this.#leave(asking.what, index)]);
        } catch (e) {
          asking.reject(e);
        }
      }
      if (leaving.length > 0)
        await this.#takeAway(
          leaving.map(([, one]) => one),
          index,
        );
      return leaving;
    });
    for (const [{ resolve }, { removed, freed }] of done) resolve({ removed, freed });
  }

  /** Takes the entries of a name from the list, which is not written yet. */
  async #leave(ref: string, index: IndexFile): Promise<Leaving> {
    const gone = needEntries(index.manifests, ref);
    const candidates = new Set<string>();
    for (const entry of gone) await this.#reach.add(entry, candidates);
    index.manifests = index.manifests.filter((m) => !gone.includes(m));
    return { ref, candidates, removed: gone.map((e) => nameOf(e) ?? e.digest), freed: [] };
  }

  async #takeAway(leaving: readonly Leaving[], index: IndexFile): Promise<void> {
    const candidates = new Set(leaving.flatMap((one) => [...one.candidates]));
    // Killed after the index is written, the blobs would have no name and no owner: this list leads to them.
    const doomed = join(this.#layout.workDir, `${uniqueName()}.doomed`);
    const orphans = await this.#orphans(index.manifests);
    for (const entry of orphans) await this.#reach.add(entry, candidates);
    index.manifests = index.manifests.filter((m) => !orphans.includes(m));
    let freed: string[];
    try {
      writeFileSync(doomed, [...candidates].map((d) => `${d}\n`).join(''));
      await this.#layout.writeIndex(index);
      freed = await this.sweep(candidates, index.manifests);
      unlinkSync(doomed);
    } catch (e) {
      const what = leaving.map((one) => printable(one.ref)).join(', ');
      const error = storeError(e, `Removing ${printable(what)}`, this.#layout.dir);
      if (error.code !== 'SKEP_DISK_FULL') throw error;
      freed = await this.#removeOnFullDisk(index, candidates, error);
      rmSync(doomed, { force: true });
    }
    // Each blob is said once, with the first image that led to it; strays and what was attached with the last.
    const last = leaving.at(-1) as Leaving;
    for (const digest of freed)
      (leaving.find((one) => one.candidates.has(digest)) ?? last).freed.push(digest);
  }

  /** What is attached to images that are in the list no more. */
  async #orphans(entries: readonly Descriptor[]): Promise<Descriptor[]> {
    const attached = entries.filter((m) => !isImage(m));
    if (attached.length === 0) return [];
    const kept = new Set<string>();
    for (const entry of entries.filter(isImage)) await this.#reach.add(entry, kept);
    return attached.filter((m) => !kept.has(m.annotations?.[SUBJECT] as string));
  }

  /**
   * A full disk has no room for a new index.json until something is deleted, so here the blobs go first. Killed in
   * between, the name stays as that of a damaged image, and removing it once more takes it away.
   */
  async #removeOnFullDisk(
    index: IndexFile,
    candidates: ReadonlySet<string>,
    error: OciError,
  ): Promise<string[]> {
    const freed = await this.sweep(candidates, index.manifests);
    if (freed.length === 0) {
      throw new OciError(error.code, error.message, {
        hint: 'Its content has other names: remove them together (skep rm DIGEST), or free space outside of the store.',
        cause: error,
      });
    }
    await this.#layout.writeIndex(index);
    return freed;
  }

  /**
   * Deletes candidates that no image needs and no process has leased, and strays older than an hour. Under the lock.
   * With a broken manifest in the store of which nobody knows what it needs, nothing is deleted.
   */
  async sweep(candidates: ReadonlySet<string>, named: readonly Descriptor[]): Promise<string[]> {
    const needed = new Set<string>();
    for (const entry of named) {
      const whole = await this.#reach.add(entry, needed);
      // An index may list manifests of other platforms that were never fetched; those need nothing here.
      if (!whole && !isIndexType(entry.mediaType)) return [];
    }
    const { leased } = readWorkFolder(this.#layout.workDir, mtimeMs);
    const freed: string[] = [];
    for (const { digest, path } of this.#blobs.list()) {
      if (needed.has(digest) || leased.has(digest)) continue;
      if (!candidates.has(digest) && (this.#blobs.age(path) ?? 0) < FOREIGN_BLOB_MS) continue;
      if (this.#blobs.delete(path)) freed.push(digest);
    }
    this.#reach.keep(needed);
    return freed;
  }

  /** See {@link Store.prune}. It says of a broken manifest that it is broken, so each is read. Under the lock. */
  async prune(opts: {
    all?: boolean;
    dryRun?: boolean;
  }): Promise<{ freed: PrunedBlob[]; young: PrunedBlob[] }> {
    const needed = new Set<string>();
    for (const entry of this.#layout.readIndex().manifests) {
      if ((await this.#reach.addRead(entry, needed)) || isIndexType(entry.mediaType)) continue;
      throw new OciError(
        'SKEP_STORE_CORRUPT',
        `${nameOf(entry) ?? entry.digest} is broken, so nothing is pruned.`,
        {
          hint: 'skep verify --store says what is wrong; remove the image (skep rm), then prune.',
        },
      );
    }
    const { leased } = readWorkFolder(this.#layout.workDir, mtimeMs);
    const freed: PrunedBlob[] = [];
    const young: PrunedBlob[] = [];
    for (const { digest, path } of this.#blobs.list()) {
      if (needed.has(digest) || leased.has(digest)) continue;
      const blob = { digest, size: this.#blobs.size(digest) ?? 0 };
      if (!opts.all && (this.#blobs.age(path) ?? 0) < FOREIGN_BLOB_MS) young.push(blob);
      else if (opts.dryRun || this.#blobs.delete(path)) freed.push(blob);
    }
    return { freed, young };
  }

  /** Removes what dead processes left. A store that this user may only read is left as it is. */
  async cleanUp(): Promise<void> {
    const { workDir, ownDir } = this.#layout;
    try {
      if (readWorkFolder(workDir, mtimeMs).leftovers.length === 0) return;
      await withLock(ownDir, async () => {
        clearTakeovers(ownDir);
        const { orphaned, leftovers } = readWorkFolder(workDir, mtimeMs);
        if (orphaned.size > 0) await this.sweep(orphaned, this.#layout.readIndex().manifests);
        for (const path of leftovers) rmSync(path, { force: true });
      });
    } catch (e) {
      const error = storeError(e, 'Cleaning up', this.#layout.dir);
      if (error.code !== 'SKEP_STORE_ACCESS') throw error;
    }
  }
}

function mtimeMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
}

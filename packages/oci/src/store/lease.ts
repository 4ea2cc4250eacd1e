import { appendFileSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errno } from '../errors.ts';
import { isDigest } from '../reference.ts';
import { liveness, uniqueName } from './owner.ts';

/**
 * The blobs that one {@link Store} object has written or means to use, and which no name leads to yet. The list is a
 * file, so that the garbage collection of another process leaves them alone; when its process has died, the same
 * list says which blobs to clear away. Every method but the constructor is called under the store's lock: a
 * collection therefore sees a blob either leased or gone, never in between.
 */
export class Lease {
  readonly #path: string;
  readonly #counts = new Map<string, number>();

  constructor(workDir: string) {
    this.#path = join(workDir, `${uniqueName()}.lease`);
  }

  /** Counts each digest once more: two images made at once may share a blob. */
  add(digests: readonly string[]): void {
    const fresh = digests.filter((d) => !this.#counts.has(d));
    if (fresh.length > 0) appendFileSync(this.#path, fresh.map((d) => `${d}\n`).join(''));
    for (const d of digests) this.#counts.set(d, (this.#counts.get(d) ?? 0) + 1);
  }

  /** The digests have a name now (or are given up). */
  release(digests: readonly string[]): void {
    let gone = false;
    for (const d of digests) {
      const n = this.#counts.get(d);
      if (n === undefined) continue;
      if (n > 1) this.#counts.set(d, n - 1);
      else gone = this.#counts.delete(d) || gone;
    }
    if (!gone) return;
    if (this.#counts.size === 0) {
      rmSync(this.#path, { force: true });
      return;
    }
    writeFileSync(`${this.#path}.tmp`, [...this.#counts.keys()].map((d) => `${d}\n`).join(''));
    renameSync(`${this.#path}.tmp`, this.#path);
  }

  releaseAll(): void {
    this.#counts.clear();
    rmSync(this.#path, { force: true });
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }
}

/** What lies in the work folder: digests that living processes protect, and what dead ones left. */
export interface WorkFolder {
  leased: Set<string>;
  /** Digests in the lists of dead processes. */
  orphaned: Set<string>;
  /** Paths of files of dead processes. */
  leftovers: string[];
}

// A file whose process cannot be asked (another container, an earlier boot) is left for this long after its last write.
const UNKNOWN_OWNER_MS = 60 * 60 * 1000;

/** Reads the work folder; an absent one is empty. */
export function readWorkFolder(workDir: string, mtimeMs: (path: string) => number): WorkFolder {
  const found: WorkFolder = { leased: new Set(), orphaned: new Set(), leftovers: [] };
  for (const name of list(workDir)) {
    const path = join(workDir, name);
    const state = liveness(name);
    const dead = state === 'dead' || (state === 'unknown' && Date.now() - mtimeMs(path) > UNKNOWN_OWNER_MS);
    if (dead) found.leftovers.push(path);
    const isLease = name.endsWith('.lease');
    if (!isLease && !name.endsWith('.doomed')) continue;
    if (!dead && !isLease) continue;
    for (const digest of readLines(path)) (dead ? found.orphaned : found.leased).add(digest);
  }
  return found;
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (e) {
    if (errno(e) === 'ENOENT') return [];
    throw e;
  }
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\n').filter(isDigest); // a line cut short by kill -9 is no digest
  } catch (e) {
    if (errno(e) === 'ENOENT') return [];
    throw e;
  }
}

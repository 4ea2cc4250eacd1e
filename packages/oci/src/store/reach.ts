import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../digest.ts';
import { OciError } from '../errors.ts';
import { isManifestType } from '../manifest.ts';
import type { Descriptor } from '../types.ts';
import type { Blobs } from './blobs.ts';
import type { Documents } from './documents.ts';
import { childrenOf } from './entries.ts';
import type { Layout } from './layout.ts';
import { uniqueName } from './owner.ts';

/** Raised when the file means something else: older ones are then read as nothing. */
const VERSION = 1;
/** Fewer manifests are read as fast as a file about them. */
const WORTH_KEEPING = 200;

/** What a manifest names: digests, of manifests with a space and the media type behind it. */
type Known = Map<string, readonly string[]>;

/**
 * What images need: the blobs to which the entries of index.json lead. To remove one of ten thousand images, what all
 * others need must be known, which is twenty thousand manifests; so what they name is kept in `.skep/children`. Content
 * never changes under a digest, so nothing that was once read becomes wrong. The file begins with the digest of the rest:
 * one that a crash or the disk has spoilt is read as nothing. What it does not know, the manifests say.
 */
export class Reach {
  readonly #documents: Documents;
  readonly #blobs: Blobs;
  readonly #layout: Layout;
  #known: Known | undefined;
  #kept = 0;

  constructor(documents: Documents, blobs: Blobs, layout: Layout) {
    this.#documents = documents;
    this.#blobs = blobs;
    this.#layout = layout;
  }

  /** Adds what an entry leads to. @returns false when a manifest on the way is not known and cannot be read */
  async add(entry: Descriptor, into: Set<string>): Promise<boolean> {
    if (this.#known === undefined) {
      this.#known = readKnown(this.#file);
      this.#kept = this.#known.size;
    }
    return this.#follow(entry, into, this.#known);
  }

  /** The same by the manifests alone, whatever is known: each is read, and its digest checked. */
  async addRead(entry: Descriptor, into: Set<string>): Promise<boolean> {
    return this.#follow(entry, into, new Map());
  }

  /** Keeps what was learned, if there is much of it, of the manifests among these digests. Under the lock. */
  keep(needed: ReadonlySet<string>): void {
    if (this.#known === undefined || this.#known.size === this.#kept) return;
    const known = [...this.#known].filter(([digest]) => needed.has(digest));
    if (known.length < WORTH_KEEPING) return;
    const text = known.map(([digest, children]) => `${[digest, ...children].join('\t')}\n`).join('');
    const fresh = join(this.#layout.workDir, `${uniqueName()}.tmp`);
    try {
      writeFileSync(fresh, `${headOf(text)}${text}`);
      renameSync(fresh, this.#file);
    } catch {
      rmSync(fresh, { force: true }); // a full disk: the manifests are read again the next time
    }
    this.#kept = this.#known.size;
  }

  get #file(): string {
    return join(this.#layout.ownDir, 'children');
  }

  async #follow(entry: Descriptor, into: Set<string>, known: Known): Promise<boolean> {
    let all = true;
    const ahead = [wordOf(entry)];
    for (let word = ahead.pop(); word !== undefined; word = ahead.pop()) {
      const space = word.indexOf(' ');
      const digest = space < 0 ? word : word.slice(0, space);
      if (into.has(digest)) continue;
      into.add(digest);
      if (space < 0) continue;
      let children = known.get(digest);
      if (children === undefined) {
        children = await this.#read(digest, word.slice(space + 1));
        if (children !== undefined) known.set(digest, children);
      }
      if (children === undefined) all = false;
      else ahead.push(...children);
    }
    return all;
  }

  /** @returns nothing of a manifest that is missing or broken */
  async #read(digest: string, mediaType: string): Promise<string[] | undefined> {
    // An index may list ten thousand other platforms that were never fetched: no error is made of each.
    if (this.#blobs.size(digest) === undefined) return undefined;
    try {
      return childrenOf(await this.#documents.read({ digest, mediaType, size: 0 })).map(wordOf);
    } catch (e) {
      if (e instanceof OciError) return undefined;
      throw e;
    }
  }
}

function wordOf({ digest, mediaType }: Descriptor): string {
  return isManifestType(mediaType) ? `${digest} ${mediaType}` : digest;
}

function headOf(text: string): string {
  return `skep children ${VERSION} ${sha256(Buffer.from(text))}\n`;
}

function readKnown(file: string): Known {
  const known: Known = new Map();
  let all: string;
  try {
    all = readFileSync(file, 'utf8');
  } catch {
    return known; // none yet, or none that this user may read
  }
  const text = all.slice(all.indexOf('\n') + 1);
  if (!all.startsWith(headOf(text))) return known;
  for (const line of text.split('\n')) {
    const [digest = '', ...children] = line.split('\t');
    if (digest !== '') known.set(digest, children);
  }
  return known;
}

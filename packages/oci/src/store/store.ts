import { resolve } from 'node:path';
import { OciError, printable } from '../errors.ts';
import { type Document, parseDocument } from '../manifest.ts';
import { choosePlatform } from '../platform.ts';
import { formatReference, parseReference, withDefaultTag } from '../reference.ts';
import {
  type Descriptor,
  type Manifest,
  type Platform,
  REF_NAME,
  type StoredImage,
  SUBJECT,
} from '../types.ts';
import { Blobs } from './blobs.ts';
import type { StoreCheck } from './check-store.ts';
import { Documents, type NamedEntry } from './documents.ts';
import {
  childrenOf,
  entryOf,
  isImage,
  type NamedImage,
  neededBy,
  type PutImageOptions,
  withEntries,
} from './entries.ts';
import { Layout } from './layout.ts';
import { Lease } from './lease.ts';
import { findEntries, nameOf, needEntries } from './names.ts';
import { Reach } from './reach.ts';
import { type PrunedBlob, Removal, type Removed } from './removal.ts';
import { type Asking, Together } from './together.ts';

/** 64 MiB: a twentieth of a second. A larger blob that is put again takes the place of the one that is there, unread. */
const READ_AGAIN_BYTES = 64 * 1024 * 1024;

/**
 * Images on disk, as an OCI image layout that skopeo, umoci and bee can read. Several processes may use one store at
 * once, and any of them may be killed at any moment: see the README for how.
 *
 * @example
 * const store = await Store.open('/var/tmp/store');
 * const config = await store.putBlob(Buffer.from('{}'), 'application/vnd.oci.empty.v1+json');
 */
export class Store {
  readonly #layout: Layout;
  readonly #blobs: Blobs;
  readonly #documents: Documents;
  readonly #removal: Removal;
  readonly #naming = new Together<readonly NamedImage[], Descriptor[]>((take) => this.#nameAll(take));
  #lease: Lease | undefined;
  #prepared: Promise<void> | undefined;

  private constructor(layout: Layout) {
    this.#layout = layout;
    this.#blobs = new Blobs(layout.dir, layout.workDir);
    this.#documents = new Documents(this.#blobs);
    this.#removal = new Removal(layout, this.#blobs, new Reach(this.#documents, this.#blobs, layout));
  }

  /** The folder, as an absolute path. */
  get dir(): string {
    return this.#layout.dir;
  }

  /**
   * Opens the store in a folder. An absent folder is an empty store and is made by the first write. What processes
   * killed in the middle of a write have left is cleared away.
   *
   * @throws OciError SKEP_STORE_VERSION, SKEP_STORE_CORRUPT, SKEP_STORE_ACCESS
   */
  static async open(dir: string): Promise<Store> {
    const layout = new Layout(resolve(dir));
    const store = new Store(layout);
    if (layout.check()) await store.#removal.cleanUp();
    return store;
  }

  /** Makes the folder a store, if it is none yet. Every write does; a pull does it while it waits for the network. */
  prepare(): Promise<void> {
    this.#prepared ??= this.#layout.create().catch((e: unknown) => {
      this.#prepared = undefined;
      throw e;
    });
    return this.#prepared;
  }

  /** Gives up blobs that were put but belong to no image yet. Not needed before the process ends. */
  async close(): Promise<void> {
    if (this.#lease === undefined || this.#lease.isEmpty) return;
    const lease = this.#lease;
    await this.#layout.locked(async () => lease.releaseAll());
  }

  /**
   * Stores content. It stays safe from `remove` of other processes until an image refers to it or this one ends.
   *
   * @param expected digest and size that it must turn out to have; `claimed` when {@link Store.claim} was told of it
   *   (its promise, if it still runs)
   * @throws OciError SKEP_DIGEST_MISMATCH, SKEP_DISK_FULL, SKEP_STORE_ACCESS; the store is as it was then
   */
  async putBlob(
    data: Uint8Array | AsyncIterable<Uint8Array>,
    mediaType: string,
    expected: { digest?: string; size?: number; claimed?: Promise<unknown> | true } = {},
  ): Promise<Descriptor> {
    await this.prepare();
    const staged = await this.#blobs.stage(data, expected);
    const { digest, size } = staged;
    try {
      await expected.claimed;
      const present = expected.claimed ? undefined : await this.claim([{ digest, size }]);
      // What is there may be damaged: the right content is at hand now.
      const sound = size <= READ_AGAIN_BYTES && present?.has(digest) && (await this.#blobs.isSound(digest));
      if (!sound) await this.#blobs.publish(staged.path, digest);
    } finally {
      await this.#blobs.discard(staged.path);
    }
    return { mediaType, digest, size };
  }

  /**
   * Says which blobs are there (with the right size), and protects all of the given ones, there or to come, from
   * `remove` of other processes until an image refers to them. For a pull: claim, then fetch what is missing.
   */
  async claim(blobs: readonly { digest: string; size: number }[]): Promise<Set<string>> {
    await this.prepare();
    return this.#layout.locked(async () => {
      this.#lease ??= new Lease(this.#layout.workDir);
      this.#lease.add(blobs.map((b) => b.digest));
      const present = new Set<string>();
      for (const b of blobs) if (this.#blobs.size(b.digest) === b.size) present.add(b.digest);
      return present;
    });
  }

  /**
   * Takes a claim back, after a transfer that failed. What had arrived stays for an hour at least, so that a second
   * try finds it.
   */
  async release(digests: readonly string[]): Promise<void> {
    const lease = this.#lease;
    if (lease !== undefined) await this.#layout.locked(async () => lease.release(digests));
  }

  /** A whole blob, its digest checked. @throws OciError SKEP_STORE_CORRUPT */
  async readBlob(digest: string): Promise<Uint8Array> {
    return this.#blobs.read(digest);
  }

  /** A blob in pieces of 1 MiB; the digest is checked at the end. @throws OciError SKEP_STORE_CORRUPT */
  blobStream(digest: string): AsyncIterable<Uint8Array> {
    return this.#blobs.stream(digest);
  }

  /** The file that holds a blob. It is not to be changed. */
  blobPath(digest: string): string {
    return this.#blobs.path(digest);
  }

  /** Whether a blob is there. Its content is not looked at. */
  async hasBlob(digest: string): Promise<boolean> {
    return this.#blobs.size(digest) !== undefined;
  }

  /**
   * Stores a manifest (or index) and gives it a name, `:latest` when `ref` has neither tag nor digest; a name that
   * exists moves. Once this returns, the image outlives kill -9 and power cuts.
   *
   * @param holds of an index: what was stored with it, see {@link NamedImage}
   * @throws OciError SKEP_REFERENCE_INVALID, SKEP_MANIFEST_INVALID, SKEP_STORE_CORRUPT when a blob is missing, SKEP_DISK_FULL
   */
  async putImage(
    ref: string,
    manifest: Uint8Array,
    mediaType: string,
    opts: PutImageOptions = {},
    holds: readonly Descriptor[] = [],
  ): Promise<Descriptor> {
    const name = formatReference(withDefaultTag(parseReference(ref)));
    const document = parseDocument(manifest, mediaType, `The manifest of ${name}`);
    const blob = await this.putBlob(manifest, mediaType);
    return this.nameImage(name, document, blob, opts, holds);
  }

  /** The second half of {@link Store.putImage}: names a manifest that {@link Store.putBlob} has stored already. */
  async nameImage(
    ref: string,
    document: Document,
    blob: Descriptor,
    opts: PutImageOptions = {},
    holds: readonly Descriptor[] = [],
  ): Promise<Descriptor> {
    const name = formatReference(withDefaultTag(parseReference(ref)));
    const [entry] = await this.nameImages([{ ref: name, document, blob, holds, opts }]);
    return entry as Descriptor;
  }

  /**
   * Names several manifests at once: all of them, or none when one lacks a blob. Calls that come while index.json is being
   * written share its next writing: of five hundred images pulled at once it is not written five hundred times.
   *
   * @throws OciError SKEP_STORE_CORRUPT when a blob is missing, SKEP_DISK_FULL, SKEP_STORE_ACCESS
   */
  nameImages(images: readonly NamedImage[]): Promise<Descriptor[]> {
    return this.#naming.ask(images);
  }

  async #nameAll(take: () => Asking<readonly NamedImage[], Descriptor[]>[]): Promise<void> {
    const named = await this.#layout.locked(async () => {
      const whole = take().filter(({ what, reject }) => {
        const missing = what.map((image) => this.#missing(neededBy(image), image.ref ?? image.blob.digest));
        const first = missing.find((error) => error !== undefined);
        if (first) reject(first);
        return !first;
      });
      if (whole.length > 0) await this.#writeNames(whole.flatMap(({ what }) => what));
      return whole;
    });
    for (const { what, resolve } of named) resolve(what.map(entryOf));
  }

  /** That a blob is missing, if one is. */
  #missing(needed: readonly Descriptor[], by: string): OciError | undefined {
    const lost = needed.find((b) => this.#blobs.size(b.digest) !== b.size);
    return lost && this.#blobs.damaged(lost.digest, `is missing, but ${by} needs it`);
  }

  async #writeNames(images: readonly NamedImage[]): Promise<void> {
    const index = this.#layout.readIndex();
    index.manifests = withEntries(index.manifests, images.map(entryOf));
    await this.#layout.writeIndex(index, () => this.#blobs.sync());
    this.#lease?.release(
      images.flatMap(({ document, blob, holds = [] }) =>
        [blob, ...childrenOf(document), ...holds].map((c) => c.digest),
      ),
    );
  }

  /** Gives up what was put and no image names, and deletes it unless another process has a claim on it too. */
  async discard(digests: readonly string[]): Promise<void> {
    const lease = this.#lease;
    if (lease === undefined || digests.length === 0) return;
    await this.#layout.locked(async () => {
      lease.release(digests);
      await this.#removal.sweep(new Set(digests), this.#layout.readIndex().manifests);
    });
  }

  /**
   * Deletes blobs that no image needs and no running process has claimed.
   *
   * @param opts `all`: also those younger than an hour, which another tool may be about to name; `dryRun`: only say
   * @returns what went (or would), and what was spared for its age
   * @throws OciError SKEP_STORE_CORRUPT when a manifest is broken: nobody knows then what it needs
   */
  async prune(
    opts: { all?: boolean; dryRun?: boolean } = {},
  ): Promise<{ freed: PrunedBlob[]; young: PrunedBlob[] }> {
    if (!this.#layout.check()) return { freed: [], young: [] };
    return this.#layout.locked(() => this.#removal.prune(opts));
  }

  /** Reads every blob and follows every name: see {@link StoreCheck}. Changes nothing, and waits for nobody. */
  async check(): Promise<StoreCheck> {
    const { checkStore } = await import('./check-store.ts');
    for (let n = 0; ; n++) {
      const { manifests } = this.#layout.readIndex();
      const found = await checkStore(this.#blobs, manifests);
      if (found.problems.length === 0) return found;
      // Somebody who removed an image meanwhile has done no damage.
      const now = this.#layout.readIndex().manifests;
      if (JSON.stringify(now) === JSON.stringify(manifests)) return found;
      if (n < 4) continue;
      const named = new Map(now.map((e) => [nameOf(e) ?? e.digest, e.digest]));
      const stays = (image: string) =>
        manifests.some((e) => (nameOf(e) ?? e.digest) === image && named.get(image) === e.digest);
      const problems = found.problems.filter((p) => p.images.length === 0 || p.images.some(stays));
      return { ...found, problems };
    }
  }

  /**
   * Whether a blob is there and undamaged. So much that reading it again would take longer than fetching it is taken by
   * its size: {@link READ_AGAIN_BYTES}.
   */
  async isWhole({ digest, size }: { digest: string; size: number }): Promise<boolean> {
    if (this.#blobs.size(digest) !== size) return false;
    return size > READ_AGAIN_BYTES || this.#blobs.isSound(digest);
  }

  /** Whether a blob is there and has its size. @throws OciError SKEP_STORE_CORRUPT */
  async checkBlob({ digest, size }: Descriptor): Promise<void> {
    if (this.#blobs.size(digest) === size) return;
    throw this.#blobs.damaged(digest, 'is missing or has lost its end');
  }

  /**
   * Keeps a manifest, whose blobs have been put, as something that belongs to an image: a signature. It has no name, is in
   * no list, and goes with the image.
   *
   * @param subject the digest that it is attached to
   * @param alone whether it takes the place of what is attached without a `subject` of its own
   */
  async attach(subject: string, manifest: Uint8Array, mediaType: string, alone = false): Promise<void> {
    const document = parseDocument(manifest, mediaType, `What is attached to ${subject}`);
    const children = childrenOf(document);
    const blob = await this.putBlob(manifest, mediaType);
    const artifactType = document.kind === 'manifest' ? document.manifest.artifactType : undefined;
    const entry: Descriptor = { ...blob, annotations: { [SUBJECT]: subject } };
    if (artifactType !== undefined) entry.artifactType = artifactType;
    await this.#layout.locked(async () => {
      const missing = this.#missing([blob, ...children], `what is attached to ${subject}`);
      if (missing) throw missing;
      const index = this.#layout.readIndex();
      const replaced = (m: Descriptor) =>
        m.annotations?.[SUBJECT] === subject &&
        (m.digest === blob.digest || (alone && m.artifactType === undefined));
      index.manifests = [...index.manifests.filter((m) => !replaced(m)), entry];
      await this.#layout.writeIndex(index, () => this.#blobs.sync());
      this.#lease?.release([blob.digest, ...children.map((c) => c.digest)]);
    });
  }

  /** The digests to which something is attached. */
  subjects(): Set<string> {
    const { manifests } = this.#layout.readIndex();
    return new Set(manifests.flatMap((m) => m.annotations?.[SUBJECT] ?? []));
  }

  /** What is attached to a digest: see {@link Store.attach}. */
  attached(subject: string): Descriptor[] {
    return this.#layout.readIndex().manifests.filter((m) => m.annotations?.[SUBJECT] === subject);
  }

  /** All images, in the order in which they were named last. One with a broken manifest is marked `damaged`. */
  async list(): Promise<StoredImage[]> {
    return Promise.all(this.entries().map((entry) => this.describe(entry)));
  }

  /**
   * What index.json says of each image, in the order in which they were named last: nothing else is read, so that ten
   * thousand of them take milliseconds.
   */
  entries(): NamedEntry[] {
    return this.#layout
      .readIndex()
      .manifests.filter(isImage)
      .map((descriptor) => ({ reference: nameOf(descriptor) ?? descriptor.digest, descriptor }));
  }

  /**
   * What one of {@link Store.entries} stands for; `damaged` when its manifest is missing or broken.
   *
   * @param platform of an index, this one; see {@link StoredImage} for which it is without
   */
  async describe(entry: NamedEntry, platform?: Platform): Promise<StoredImage> {
    return this.#documents.describe(entry, platform);
  }

  /**
   * Finds an image by name (`:latest` when there is no tag), `name@digest`, digest, or the first 6 or more digits of
   * a digest. Of several entries with one name, the one for this machine.
   *
   * @param platform of an index, this one and no other; see {@link StoredImage} for which it is without
   * @throws OciError SKEP_REFERENCE_INVALID, SKEP_STORE_CORRUPT, SKEP_PLATFORM (there is none), SKEP_NOT_FOUND (it was not
   * fetched)
   */
  async resolve(ref: string, platform?: Platform): Promise<StoredImage | undefined> {
    const entries = findEntries(this.#layout.readIndex().manifests, ref);
    if (entries.length === 0) return undefined;
    const images = entries.length > 1 ? entries.filter((e) => e.platform !== undefined) : [];
    if (new Set(images.map((e) => e.digest)).size > 1) {
      const fit = choosePlatform({ schemaVersion: 2, manifests: images }, printable(ref), platform);
      return this.#documents.image(fit, platform);
    }
    return this.#documents.image(entries[0] as Descriptor, platform);
  }

  /** Gives an image one more name; a name that exists moves. @throws OciError SKEP_NOT_FOUND, SKEP_REFERENCE_INVALID */
  async tag(src: string, dst: string): Promise<Descriptor> {
    const target = parseReference(dst);
    if (target.digest !== undefined) {
      throw new OciError(
        'SKEP_REFERENCE_INVALID',
        `"${printable(dst)}" holds a digest, so it cannot be a new name.`,
        {
          hint: 'Leave out what begins with @.',
        },
      );
    }
    const name = formatReference(withDefaultTag(target));
    needEntries(this.#layout.readIndex().manifests, src);
    await this.prepare();
    return this.#layout.locked(async () => {
      const index = this.#layout.readIndex();
      const found = needEntries(index.manifests, src);
      const entries = found.map((e) => ({ ...e, annotations: { ...e.annotations, [REF_NAME]: name } }));
      index.manifests = [...index.manifests.filter((m) => nameOf(m) !== name), ...entries];
      await this.#layout.writeIndex(index);
      return entries[0] as Descriptor;
    });
  }

  /**
   * Removes a name, or all names of a digest, and then the blobs that nothing else needs. Removals that are asked for while
   * one is going on are done together, each with its own answer; a blob that several leave behind is told to the first.
   *
   * @returns the names that went and the digests of the blobs that went
   * @throws OciError SKEP_NOT_FOUND, SKEP_REFERENCE_INVALID
   */
  async remove(ref: string): Promise<Removed> {
    if (!this.#layout.check()) needEntries([], ref); // and no store is made for it
    await this.prepare();
    return this.#removal.remove(ref);
  }

  /** The manifest behind a descriptor; of an index, the one for this machine. @throws OciError SKEP_STORE_CORRUPT, SKEP_MANIFEST_INVALID, SKEP_PLATFORM */
  async readManifest(desc: Descriptor): Promise<Manifest> {
    return (await this.#documents.manifest(desc)).manifest;
  }
}

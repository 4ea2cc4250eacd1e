import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { OciError } from '../errors.ts';
import { type Document, parseDocument } from '../manifest.ts';
import { formatPlatform } from '../platform.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from '../reference.ts';
import type { NamedEntry } from '../store/documents.ts';
import type { Store } from '../store/store.ts';
import type { Descriptor } from '../types.ts';
import { IMAGES_AT_ONCE, inOrder, Once } from './ahead.ts';
import type { TransferOptions } from './options.ts';
import { eachParallel } from './parallel.ts';
import { Registry, SMALL_BYTES } from './registry.ts';
import { needRegistry } from './remote.ts';
import { parseRepository } from './repository.ts';
import { tagsThere } from './tags.ts';
import { howToLook, type Look, partsOf, type State, stateOf } from './whole.ts';

/** What a push did. */
export interface PushResult {
  /** `HOST/NAME:TAG`. */
  reference: string;
  /** Of the manifest or index. */
  digest: string;
  mediaType: string;
  /** Bytes of the manifest or index alone. */
  manifestSize: number;
  /** Bytes of all blobs and manifests. */
  size: number;
  /** Digests of the blobs that were sent. */
  uploaded: string[];
  /** Digests of the blobs that the registry had. */
  existing: string[];
}

/** See the exported `push`. */
export async function push(store: Store, ref: string, opts: TransferOptions = {}): Promise<PushResult> {
  const reference = withDefaultTag(parseReference(ref));
  const host = needRegistry(reference, 'push');
  const image = await store.resolve(ref);
  if (image === undefined) throw nothing(formatReference(reference));
  using registry = new Registry(host, opts);
  return new Push(registry, store, opts).image(reference, image.descriptor);
}

/** See the exported `pushAllTags`. */
export async function* pushAllTags(
  store: Store,
  ref: string,
  opts: TransferOptions = {},
): AsyncGenerator<PushResult> {
  const repository = parseRepository(ref);
  using registry = new Registry(needRegistry(repository, 'push'), opts);
  const images = store.entries().filter((image) => isTagOf(repository, image.reference));
  if (images.length === 0) throw nothing(formatReference(repository));
  const job = new Push(registry, store, opts);
  const there = await tagsThere(registry, repository.repository);
  const tagOf = (image: NamedEntry) => parseReference(image.reference).tag ?? '';
  const known = images.filter((image) => there.has(tagOf(image)));
  const how = howToLook(known, (image) => job.stateOf(repository.repository, tagOf(image), image));
  how.catch(() => undefined); // thrown to who waits for it
  yield* inOrder(images, IMAGES_AT_ONCE, async (image) => {
    const reference = parseReference(image.reference);
    const look = there.has(tagOf(image)) ? (await how)(image) : 'other';
    return job.image(reference, image.descriptor, look);
  });
}

function isTagOf(repository: Reference, name: string): boolean {
  // Names that another tool wrote into the store need not be references.
  if (!name.startsWith(formatReference(repository))) return false;
  const reference = parseReference(name);
  return (
    reference.tag !== undefined &&
    formatReference({ ...reference, tag: undefined }) === formatReference(repository)
  );
}

function nothing(name: string): OciError {
  return new OciError('SKEP_NOT_FOUND', `There is no image ${name} in the store.`, {
    hint: 'skep list shows what there is; skep build or skep tag makes that name.',
  });
}

/** Pushes to one repository. What several images have in common is sent once. */
class Push {
  readonly #registry: Registry;
  readonly #store: Store;
  readonly #opts: TransferOptions;
  readonly #blobs = new Once<'uploaded' | 'existing'>();
  readonly #manifests = new Once<unknown>();

  constructor(registry: Registry, store: Store, opts: TransferOptions) {
    this.#registry = registry;
    this.#store = store;
    this.#opts = opts;
  }

  async stateOf(repository: string, tag: string, { reference, descriptor }: NamedEntry): Promise<State> {
    const { digest, mediaType } = descriptor;
    const bytes = await this.#store.readBlob(digest);
    const document = parseDocument(bytes, mediaType, `The manifest of ${reference}`);
    return stateOf(this.#registry, repository, tag, digest, partsOf(document));
  }

  /** @param look how to find out whether it is there; without, it is sent */
  async image(reference: Reference, top: Descriptor, look: Look = 'other'): Promise<PushResult> {
    const name = formatReference(reference);
    const { digest, mediaType, size } = top;
    const result: PushResult = {
      reference: name,
      digest,
      mediaType,
      manifestSize: size,
      size,
      uploaded: [],
      existing: [],
    };
    const { repository, tag = digest } = reference;
    const bytes = await this.#store.readBlob(digest);
    const document = parseDocument(bytes, mediaType, `The manifest of ${name}`);
    if ((await stateOf(this.#registry, repository, tag, digest, partsOf(document), look)) === 'whole') {
      await this.#tellThere(document, name, result);
      return result;
    }
    await this.#content(document, reference, result);
    await this.#registry.putManifest(repository, tag, bytes, mediaType);
    return result;
  }

  /** Of an image that need not be sent: its blobs, as far as they are known here. */
  async #tellThere(document: Document, name: string, result: PushResult): Promise<void> {
    const blobs: Descriptor[] = [];
    if (document.kind === 'manifest') blobs.push(document.manifest.config, ...document.manifest.layers);
    else {
      for (const { digest, mediaType, size } of document.index.manifests) {
        result.size += size;
        if (!(await this.#store.hasBlob(digest))) continue;
        const bytes = await this.#store.readBlob(digest);
        await this.#tellThere(parseDocument(bytes, mediaType, `A manifest of ${name}`), name, result);
      }
    }
    for (const { digest, size } of blobs) {
      if (result.existing.includes(digest)) continue;
      result.existing.push(digest);
      result.size += size;
      this.#opts.onProgress?.({ phase: 'push', digest, done: size, total: size, status: 'exists' });
    }
  }

  async #content(document: Document, reference: Reference, result: PushResult): Promise<void> {
    if (document.kind === 'manifest') {
      const { config, layers } = document.manifest;
      return this.#sendBlobs([config, ...layers], reference.repository, result);
    }
    for (const child of document.index.manifests) {
      if (!(await this.#store.hasBlob(child.digest))) throw notFetched(formatReference(reference), child);
      const { digest, mediaType, size } = child;
      result.size += size;
      const bytes = await this.#store.readBlob(digest);
      const what = `A manifest of ${formatReference(reference)}`;
      await this.#content(parseDocument(bytes, mediaType, what), reference, result);
      await this.#manifests.get(digest, () =>
        this.#registry.putManifest(reference.repository, digest, bytes, mediaType),
      );
    }
  }

  async #sendBlobs(blobs: Descriptor[], repository: string, result: PushResult): Promise<void> {
    const seen = new Set([...result.uploaded, ...result.existing]);
    const fresh = [...new Map(blobs.map((b) => [b.digest, b])).values()].filter((b) => !seen.has(b.digest));
    await eachParallel(fresh, this.#opts.parallel ?? 4, async (blob) => {
      result.size += blob.size;
      let asked = false;
      const how = await this.#blobs.get(blob.digest, () => {
        asked = true;
        return this.#send(blob, repository);
      });
      // Of several images the one that sent it says so.
      (asked ? result[how] : result.existing).push(blob.digest);
    });
  }

  async #send(descriptor: Descriptor, repository: string): Promise<'uploaded' | 'existing'> {
    const [registry, store] = [this.#registry, this.#store];
    const { digest, size } = descriptor;
    const tell = (done: number, status: 'exists' | 'transferring' | 'done') =>
      this.#opts.onProgress?.({ phase: 'push', digest, done, total: size, status });
    if (await registry.hasBlob(repository, digest)) {
      tell(size, 'exists');
      return 'existing';
    }
    await checkSize(store, descriptor);
    const path = store.blobPath(digest);
    const open = (start: number) => createReadStream(path, { start, highWaterMark: SMALL_BYTES });
    try {
      await registry.putBlob(repository, { descriptor, open, read: () => store.readBlob(digest) }, (done) =>
        tell(done, 'transferring'),
      );
    } catch (e) {
      // The registry finds a wrong digest when it has everything. Whose fault it is can be seen here.
      if (e instanceof OciError && e.code === 'SKEP_REGISTRY')
        for await (const _ of store.blobStream(digest));
      throw e;
    }
    tell(size, 'done');
    return 'uploaded';
  }
}

function notFetched(name: string, { digest, platform }: Descriptor): OciError {
  const what = platform ? formatPlatform(platform) : digest;
  return new OciError('SKEP_NOT_FOUND', `${name} is for ${what} too, but that part is not here.`, {
    hint: 'Fetch all of it where it comes from, with skep pull --platform all; or skep copy it from there.',
  });
}

async function checkSize(store: Store, { digest, size }: Descriptor): Promise<void> {
  const there = await stat(store.blobPath(digest)).catch(() => undefined); // absent: said below
  if (there?.size === size) return;
  throw new OciError(
    'SKEP_STORE_CORRUPT',
    `Blob ${digest} of the image store ${store.dir} is missing or has lost its end.`,
    {
      hint: 'Pull or build the image that needs it again; skep verify --store says which that is.',
    },
  );
}

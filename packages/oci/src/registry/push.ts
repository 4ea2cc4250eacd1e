import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { OciError } from '../errors.ts';
import { type Document, parseDocument } from '../manifest.ts';
import { formatPlatform } from '../platform.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from '../reference.ts';
import type { Store } from '../store/store.ts';
import type { Descriptor } from '../types.ts';
import type { TransferOptions } from './options.ts';
import { eachParallel } from './parallel.ts';
import { Registry, SMALL_BYTES } from './registry.ts';
import { needRegistry } from './remote.ts';
import { parseRepository } from './repository.ts';

/** What a push did. */
export interface PushResult {
  /** `HOST/NAME:TAG`. */
  reference: string;
  /** Of the manifest or index. */
  digest: string;
  mediaType: string;
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
  return pushTo(registry, store, reference, image.descriptor, opts);
}

/** See the exported `pushAllTags`. */
export async function* pushAllTags(
  store: Store,
  ref: string,
  opts: TransferOptions = {},
): AsyncGenerator<PushResult> {
  const repository = parseRepository(ref);
  using registry = new Registry(needRegistry(repository, 'push'), opts);
  const images = (await store.list()).filter((image) => isTagOf(repository, image.reference));
  if (images.length === 0) throw nothing(formatReference(repository));
  for (const { reference, descriptor } of images) {
    yield await pushTo(registry, store, parseReference(reference), descriptor, opts);
  }
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

async function pushTo(
  registry: Registry,
  store: Store,
  reference: Reference,
  top: Descriptor,
  opts: TransferOptions,
): Promise<PushResult> {
  const name = formatReference(reference);
  const result: PushResult = {
    reference: name,
    digest: top.digest,
    mediaType: top.mediaType,
    size: top.size,
    uploaded: [],
    existing: [],
  };
  const { repository } = reference;
  const sendAll = async (document: Document): Promise<void> => {
    if (document.kind === 'manifest') {
      return sendBlobs(
        store,
        registry,
        repository,
        [document.manifest.config, ...document.manifest.layers],
        result,
        opts,
      );
    }
    for (const child of document.index.manifests) {
      if (!(await store.hasBlob(child.digest))) throw notFetched(name, child);
      result.size += child.size;
      const bytes = await store.readBlob(child.digest);
      await sendAll(parseDocument(bytes, child.mediaType, `A manifest of ${name}`));
      await registry.putManifest(repository, child.digest, bytes, child.mediaType);
    }
  };
  const bytes = await store.readBlob(top.digest);
  await sendAll(parseDocument(bytes, top.mediaType, `The manifest of ${name}`));
  await registry.putManifest(repository, reference.tag ?? top.digest, bytes, top.mediaType);
  return result;
}

function notFetched(name: string, { digest, platform }: Descriptor): OciError {
  const what = platform ? formatPlatform(platform) : digest;
  return new OciError('SKEP_NOT_FOUND', `${name} is for ${what} too, but that part is not here.`, {
    hint: 'Fetch all of it where it comes from, with skep pull --platform all; or skep copy it from there.',
  });
}

async function sendBlobs(
  store: Store,
  registry: Registry,
  repository: string,
  blobs: Descriptor[],
  result: PushResult,
  opts: TransferOptions,
): Promise<void> {
  const seen = new Set([...result.uploaded, ...result.existing]);
  const fresh = [...new Map(blobs.map((b) => [b.digest, b])).values()].filter((b) => !seen.has(b.digest));
  await eachParallel(fresh, opts.parallel ?? 4, async (descriptor) => {
    const { digest, size } = descriptor;
    const tell = (done: number, status: 'exists' | 'transferring' | 'done') =>
      opts.onProgress?.({ phase: 'push', digest, done, total: size, status });
    result.size += size;
    if (await registry.hasBlob(repository, digest)) {
      result.existing.push(digest);
      return tell(size, 'exists');
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
    result.uploaded.push(digest);
    tell(size, 'done');
  });
}

async function checkSize(store: Store, { digest, size }: Descriptor): Promise<void> {
  const there = await stat(store.blobPath(digest)).catch(() => undefined); // absent: said below
  if (there?.size === size) return;
  throw new OciError(
    'SKEP_STORE_CORRUPT',
    `Blob ${digest} of the image store ${store.dir} is missing or has lost its end.`,
    {
      hint: 'Remove the image that needs it (skep rm IMAGE), then pull or build it again.',
    },
  );
}

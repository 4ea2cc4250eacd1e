import { sha256 } from '../digest.ts';
import { OciError } from '../errors.ts';
import { isIndexType, parseDocument } from '../manifest.ts';
import { choosePlatform, parsePlatform } from '../platform.ts';
import { formatReference, parseReference, withDefaultTag } from '../reference.ts';
import type { Store } from '../store/store.ts';
import type { Descriptor, Platform, StoredImage } from '../types.ts';
import type { TransferOptions } from './options.ts';
import { eachParallel } from './parallel.ts';
import { type FetchedManifest, Registry } from './registry.ts';
import { needRegistry } from './remote.ts';

/** See the exported `pull`. */
export async function pull(store: Store, ref: string, opts: TransferOptions = {}): Promise<StoredImage> {
  const reference = withDefaultTag(parseReference(ref));
  const name = formatReference(reference);
  const host = needRegistry(reference, 'pull');
  using registry = new Registry(host, opts);
  const wanted = (reference.digest ?? reference.tag) as string;
  // A store that does not exist yet is made meanwhile; if that fails, it is said when the store is needed.
  store.prepare().catch(() => undefined);
  const top = await registry.getManifest(reference.repository, wanted);
  const { fetched, platform } = await choose(registry, reference.repository, top, name, opts);
  const document = parseDocument(fetched.bytes, fetched.mediaType, `The manifest of ${name}`);
  if (document.kind === 'index') {
    throw new OciError('SKEP_MANIFEST_INVALID', `${name} is an index inside an index.`, {
      hint: 'Build it again.',
    });
  }
  const blobs = distinct([document.manifest.config, ...document.manifest.layers]);
  const manifest = {
    mediaType: fetched.mediaType,
    digest: sha256(fetched.bytes),
    size: fetched.bytes.length,
  };
  const claimed = store.claim([manifest, ...blobs]);
  // What is missing is asked for while the claim waits for its lock; it counts before anything is put in its place.
  const fetchOne = async (blob: Descriptor) => {
    if ((await store.hasBlob(blob.digest)) && (await claimed).has(blob.digest)) {
      opts.onProgress?.({
        phase: 'pull',
        digest: blob.digest,
        done: blob.size,
        total: blob.size,
        status: 'exists',
      });
    } else {
      await fetchBlob(store, registry, reference.repository, blob, claimed, opts);
    }
  };
  try {
    const put = store.putBlob(fetched.bytes, fetched.mediaType, { claimed });
    await bothOrThrow(eachParallel(blobs, opts.parallel ?? 4, fetchOne), put);
    await store.nameImage(name, document, manifest, { platform });
  } catch (e) {
    await claimed.catch(() => undefined); // its failure is the one being thrown
    await store.release([manifest, ...blobs].map((b) => b.digest));
    throw e;
  }
  return (await store.resolve(name)) as StoredImage;
}

/** An index leads to the manifest for this machine; that manifest is what the name stands for afterwards. */
async function choose(
  registry: Registry,
  repository: string,
  top: FetchedManifest,
  name: string,
  opts: TransferOptions,
): Promise<{ fetched: FetchedManifest; platform?: Platform }> {
  if (!isIndexType(top.mediaType)) return { fetched: top };
  const document = parseDocument(top.bytes, top.mediaType, `The index of ${name}`);
  if (document.kind !== 'index') return { fetched: top };
  const platform = opts.platform === undefined ? undefined : parsePlatform(opts.platform);
  const chosen = choosePlatform(document.index, name, platform);
  return { fetched: await registry.getManifest(repository, chosen.digest), platform: chosen.platform };
}

async function fetchBlob(
  store: Store,
  registry: Registry,
  repository: string,
  blob: Descriptor,
  claimed: Promise<unknown>,
  opts: TransferOptions,
): Promise<void> {
  const tell = (done: number, status: 'transferring' | 'done') =>
    opts.onProgress?.({ phase: 'pull', digest: blob.digest, done, total: blob.size, status });
  const arriving = async function* () {
    let done = 0;
    for await (const chunk of registry.getBlob(repository, blob)) {
      done += chunk.length;
      yield chunk;
      tell(done, 'transferring');
    }
  };
  await store.putBlob(arriving(), blob.mediaType, { digest: blob.digest, size: blob.size, claimed });
  tell(blob.size, 'done');
}

function distinct(blobs: Descriptor[]): Descriptor[] {
  return [...new Map(blobs.map((b) => [b.digest, b])).values()];
}

/** Waits for both to end, however they end; throws the first failure. */
async function bothOrThrow(a: Promise<unknown>, b: Promise<unknown>): Promise<void> {
  for (const r of await Promise.allSettled([a, b])) if (r.status === 'rejected') throw r.reason;
}

import { sha256 } from '../digest.ts';
import { OciError } from '../errors.ts';
import { type Document, isIndexType, isManifestType, parseDocument } from '../manifest.ts';
import { choosePlatform, parsePlatform } from '../platform.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from '../reference.ts';
import type { Store } from '../store/store.ts';
import { ATTESTS, type Descriptor, type Index, type Platform, type StoredImage } from '../types.ts';
import type { TransferOptions } from './options.ts';
import { eachParallel } from './parallel.ts';
import { type FetchedManifest, Registry } from './registry.ts';
import { needRegistry } from './remote.ts';

/** An image of the store that was asked of a registry. */
export interface PulledImage extends StoredImage {
  /** Digests of what came, blobs and manifests: what the store lacked, or had damaged. */
  arrived: string[];
}

/** See the exported `pull`. */
export async function pull(store: Store, ref: string, opts: TransferOptions = {}): Promise<PulledImage> {
  const reference = withDefaultTag(parseReference(ref));
  using registry = new Registry(needRegistry(reference, 'pull'), opts);
  return pullFrom(registry, store, reference, opts);
}

/** @param reference with a tag or a digest */
export async function pullFrom(
  registry: Registry,
  store: Store,
  reference: Reference,
  opts: TransferOptions,
): Promise<PulledImage> {
  const name = formatReference(reference);
  const wanted = (reference.digest ?? reference.tag) as string;
  // A store that does not exist yet is made meanwhile; if that fails, it is said when the store is needed.
  store.prepare().catch(() => undefined);
  const top = await registry.getManifest(reference.repository, wanted);
  const { documents, platform } = await choose(store, registry, reference.repository, top, name, opts);
  const manifests = documents.map((d) => d.descriptor);
  const blobs = distinct(documents.flatMap((d) => d.blobs));
  const holds = distinct([...manifests, ...blobs]);
  const claimed = store.claim(holds);
  const arrived: string[] = [];
  // What is missing is asked for while the claim waits for its lock; it counts before anything is put in its place.
  const fetchOne = async (blob: Descriptor) => {
    // What is damaged comes again, as it does for who removes the image first.
    if ((await store.isWhole(blob)) && (await claimed).has(blob.digest)) {
      opts.onProgress?.({
        phase: 'pull',
        digest: blob.digest,
        done: blob.size,
        total: blob.size,
        status: 'exists',
      });
    } else {
      await fetchBlob(store, registry, reference.repository, blob, claimed, opts);
      arrived.push(blob.digest);
    }
  };
  let entry: Descriptor;
  try {
    const put = Promise.all(
      documents.map(async ({ bytes, descriptor: { digest, mediaType } }) => {
        if ((await claimed).has(digest) && (await wholeIn(store, digest))) return;
        await store.putBlob(bytes, mediaType, { claimed });
        arrived.push(digest);
      }),
    );
    await bothOrThrow(eachParallel(blobs, opts.parallel ?? 4, fetchOne), put);
    const [{ document, descriptor }] = documents;
    entry = await store.nameImage(name, document, descriptor, {}, document.kind === 'index' ? holds : []);
  } catch (e) {
    await claimed.catch(() => undefined); // its failure is the one being thrown
    await store.release(holds.map((b) => b.digest));
    throw e;
  }
  return { ...(await store.describe({ reference: name, descriptor: entry }, platform)), arrived };
}

/** A document that is to be stored, and the blobs that it needs besides other documents. */
interface Part {
  bytes: Uint8Array;
  document: Document;
  descriptor: Descriptor;
  blobs: Descriptor[];
}

/**
 * What the name leads to: a manifest; or an index and its manifests for the wanted platforms. The index is kept as it is,
 * so that the digest is the one that was pushed and signed.
 */
async function choose(
  store: Store,
  registry: Registry,
  repository: string,
  top: FetchedManifest,
  name: string,
  opts: TransferOptions,
): Promise<{ documents: [Part, ...Part[]]; platform?: Platform }> {
  const what = isIndexType(top.mediaType) ? 'index' : 'manifest';
  const first = partOf(top, `The ${what} of ${name}`);
  if (first.document.kind === 'manifest') return { documents: [first] };
  const { wanted: images, platform } = wantedOf(first.document.index, name, opts.platform);
  const wanted = [...images, ...attestationsOf(first.document.index, images)];
  const children: Part[] = [];
  await eachParallel(distinct(wanted), opts.parallel ?? 4, async ({ digest, mediaType, size }) => {
    // What the store has need not come again.
    const bytes = await wholeIn(store, digest);
    const fetched = bytes ? { bytes, mediaType, digest } : await registry.getManifest(repository, digest);
    if (fetched.bytes.length !== size) {
      throw new OciError(
        'SKEP_MANIFEST_INVALID',
        `${name} lists ${digest} with ${size} bytes, and it has ${fetched.bytes.length}.`,
        { hint: 'Build it again; if it comes from elsewhere, tell its maker.' },
      );
    }
    const child = partOf(fetched, `A manifest of ${name}`);
    if (child.document.kind === 'manifest') return void children.push(child);
    throw new OciError('SKEP_MANIFEST_INVALID', `${name} is an index inside an index.`, {
      hint: 'Build it again.',
    });
  });
  return { documents: [first, ...children], ...(platform && { platform }) };
}

/** The manifests of an index that `--platform` means: this machine's without it; `all`; some, with commas between. */
function wantedOf(
  index: Index,
  name: string,
  said: string | undefined,
): { wanted: Descriptor[]; platform?: Platform } {
  if (said === undefined) return { wanted: [choosePlatform(index, name)] };
  if (said === 'all') return { wanted: index.manifests.filter((m) => isManifestType(m.mediaType)) };
  const platforms = said.split(',').map(parsePlatform);
  return { wanted: platforms.map((p) => choosePlatform(index, name, p)), platform: platforms[0] as Platform };
}

/** A manifest that the store has; undefined when it has none, or a damaged one, which a pull mends. */
async function wholeIn(store: Store, digest: string): Promise<Uint8Array | undefined> {
  if (!(await store.hasBlob(digest))) return undefined;
  try {
    return await store.readBlob(digest);
  } catch (e) {
    if (e instanceof OciError && e.code === 'SKEP_STORE_CORRUPT') return undefined;
    throw e;
  }
}

/** What docker's index says of these manifests: provenance, SBOM. A few kilobytes that belong to them. */
function attestationsOf(index: Index, images: readonly Descriptor[]): Descriptor[] {
  const digests = new Set(images.map((m) => m.digest));
  return index.manifests.filter(
    (m) => isManifestType(m.mediaType) && digests.has(m.annotations?.[ATTESTS] ?? ''),
  );
}

function partOf({ bytes, mediaType }: FetchedManifest, what: string): Part {
  const document = parseDocument(bytes, mediaType, what);
  const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length };
  const blobs = document.kind === 'manifest' ? [document.manifest.config, ...document.manifest.layers] : [];
  return { bytes, document, descriptor, blobs };
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
    for await (const chunk of registry.getBlob(repository, blob, 0, true)) {
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

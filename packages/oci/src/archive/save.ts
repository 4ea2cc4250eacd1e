import { OciError } from '../errors.ts';
import { isManifestType, parseDocument } from '../manifest.ts';
import { parseReference } from '../reference.ts';
import { nameOf } from '../store/names.ts';
import type { Store } from '../store/store.ts';
import { CONTAINER_CONFIG, type Descriptor, MEDIA_TYPE, type StoredImage } from '../types.ts';
import { tarEnd, tarHeader, tarPadding } from './tar-write.ts';

/** See the exported `saveImages`. */
export async function* saveImages(store: Store, refs: readonly string[]): AsyncGenerator<Uint8Array> {
  const entries = new Map<string, Descriptor>();
  const blobs = new Map<string, number>();
  const containers: object[] = [];
  for (const ref of refs) {
    const image = await store.resolve(ref);
    if (image === undefined) {
      throw new OciError('SKEP_NOT_FOUND', `There is no image ${ref} in the store.`, {
        hint: 'skep list shows what there is; skep pull fetches one from a registry.',
      });
    }
    entries.set(image.reference, image.descriptor);
    await gather(store, image.descriptor, image.reference, blobs);
    if (image.manifest.config.mediaType === CONTAINER_CONFIG) containers.push(forDocker(image));
  }
  // Signatures that the store keeps with an image go along, under no name.
  for (const digest of [...blobs.keys()]) {
    for (const attached of store.attached(digest)) {
      entries.set(`@${digest} ${attached.digest}`, attached);
      await gather(store, attached, `what is attached to ${digest}`, blobs);
    }
  }
  yield* file('oci-layout', Buffer.from(JSON.stringify({ imageLayoutVersion: '1.0.0' })));
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [...entries.values()] };
  yield* file('index.json', Buffer.from(JSON.stringify(index)));
  if (containers.length > 0) yield* file('manifest.json', Buffer.from(JSON.stringify(containers)));
  for (const [digest, size] of [...blobs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    yield tarHeader(pathOf(digest), size);
    yield* store.blobStream(digest);
    yield tarPadding(size);
  }
  yield tarEnd();
}

/**
 * A container image as docker before 25 finds it in an archive, by a list of its own; later ones write both, as here. Of several
 * platforms, this machine's.
 * https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
 */
function forDocker({ descriptor, manifest }: StoredImage): object {
  const name = nameOf(descriptor);
  return {
    Config: pathOf(manifest.config.digest),
    RepoTags: name !== undefined && isTagged(name) ? [name] : null,
    Layers: manifest.layers.map((layer) => pathOf(layer.digest)),
  };
}

/** Other tools call an image in a store whatever they are told. */
function isTagged(name: string): boolean {
  try {
    const { tag, digest } = parseReference(name);
    return tag !== undefined && digest === undefined;
  } catch (e) {
    if (e instanceof OciError) return false;
    throw e;
  }
}

function pathOf(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** All blobs that a descriptor leads to, before the first byte goes out. Platforms that were never fetched are left out. */
async function gather(store: Store, top: Descriptor, name: string, into: Map<string, number>): Promise<void> {
  if (into.has(top.digest)) return;
  into.set(top.digest, top.size);
  if (!isManifestType(top.mediaType)) return store.checkBlob(top);
  const document = parseDocument(await store.readBlob(top.digest), top.mediaType, `The manifest of ${name}`);
  if (document.kind === 'manifest') {
    for (const blob of [document.manifest.config, ...document.manifest.layers]) {
      await store.checkBlob(blob);
      into.set(blob.digest, blob.size);
    }
    return;
  }
  for (const child of document.index.manifests) {
    if (await store.hasBlob(child.digest)) await gather(store, child, name, into);
  }
}

function* file(name: string, content: Buffer): Generator<Uint8Array> {
  yield tarHeader(name, content.length);
  yield content;
  yield tarPadding(content.length);
}

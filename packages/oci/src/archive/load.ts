import { OciError, printable } from '../errors.ts';
import { isDescriptor, isManifestType, isObject, parseDocument } from '../manifest.ts';
import { formatReference, isDigest, parseReference, withDefaultTag } from '../reference.ts';
import type { NamedImage } from '../store/entries.ts';
import { Store } from '../store/store.ts';
import { type Descriptor, MAX_MANIFEST_BYTES, REF_NAME, SUBJECT } from '../types.ts';
import { archiveError, readTar, type TarEntry } from './tar-read.ts';
import { unpacked } from './unpack.ts';

// containerd and docker keep the whole name here, and only the tag where the specification wants it.
const CONTAINERD_NAME = 'io.containerd.image.name';
const MAX_IMAGES = 10_000;

/** How to load. */
export interface LoadOptions {
  /** A name for the one image of the archive, whatever it is called there. */
  name?: string;
}

/** An image that was loaded. */
export interface LoadedImage {
  /** Its name; none when the archive has none. */
  reference?: string;
  digest: string;
}

/** See the exported `loadImages`. */
export async function loadImages(
  target: Store,
  data: AsyncIterable<Uint8Array>,
  opts: LoadOptions = {},
): Promise<LoadedImage[]> {
  // With a lease of its own, which nothing else that this process does in the store depends on.
  const store = await Store.open(target.dir);
  const arrived = new Map<string, number>();
  try {
    const { index, layout } = await readArchive(store, data, arrived);
    // A signature without its image is of no use.
    const entries = readIndex(index, layout).filter(
      (e) => isImage(e) || arrived.has(e.annotations?.[SUBJECT] ?? ''),
    );
    const count = entries.filter(isImage).length;
    if (opts.name !== undefined && count !== 1) {
      throw new OciError('SKEP_REFERENCE_INVALID', `The archive holds ${count} images, --name is for one.`, {
        hint: 'Leave --name out.',
      });
    }
    const images: NamedImage[] = [];
    for (const entry of entries)
      images.push(
        await imageOf(store, entry, isImage(entry) ? (opts.name ?? nameIn(entry)) : undefined, arrived),
      );
    await store.nameImages(images);
    return images
      .filter(({ opts }) => opts?.annotations?.[SUBJECT] === undefined)
      .map(({ ref, blob }) => ({
        ...(ref !== undefined && { reference: ref }),
        digest: blob.digest,
      }));
  } finally {
    // What an image names now stays; everything else of the archive goes again, at once.
    await store.discard([...arrived.keys()]);
  }
}

async function readArchive(
  store: Store,
  data: AsyncIterable<Uint8Array>,
  arrived: Map<string, number>,
): Promise<{ index: Buffer; layout: Buffer | undefined }> {
  const small = new Map<string, Buffer>();
  for await (const entry of readTar(unpacked(data))) {
    const name = safeName(entry);
    if (entry.type === '5') continue;
    const blob = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(name);
    const digest = blob === null ? '' : `${blob[1]}:${blob[2]}`;
    if (isDigest(digest)) {
      if (arrived.has(digest)) throw archiveError(`it holds ${digest} twice`);
      arrived.set(digest, entry.size);
      await store.putBlob(entry.content, '', { digest, size: entry.size });
    } else if (name === 'index.json' || name === 'oci-layout') {
      if (small.has(name)) throw archiveError(`it holds ${name} twice`);
      small.set(name, await gather(entry));
    } // manifest.json and repositories of docker save, or a README: nobody asked for it
  }
  const index = small.get('index.json');
  if (index === undefined)
    throw archiveError('it has no index.json, so it is no OCI archive (podman save --format oci-archive)');
  return { index, layout: small.get('oci-layout') };
}

/** Nothing is ever written under a name of the archive; but one that tries tricks is not to be trusted in the rest. */
function safeName({ name, type }: TarEntry): string {
  const shown = printable(name, 60);
  if (name.startsWith('/') || name.split('/').includes('..') || /[\u0000-\u001f\\]/.test(name)) {
    throw archiveError(`"${shown}" is no path inside it`);
  }
  if (type === '1' || type === '2') throw archiveError(`"${shown}" is a link`);
  if (type !== '0' && type !== '5' && type !== '7')
    throw archiveError(`"${shown}" is neither a file nor a folder`);
  return name.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
}

async function gather({ name, size, content }: TarEntry): Promise<Buffer> {
  if (size > MAX_MANIFEST_BYTES) throw archiveError(`${printable(name, 60)} has ${size} bytes`);
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

function readIndex(index: Buffer, layout: Buffer | undefined): Descriptor[] {
  const version = layout && json(layout, 'oci-layout').imageLayoutVersion;
  if (version !== undefined && !/^1\./.test(String(version))) {
    throw archiveError(`it has the image layout ${printable(String(version), 20)}, which skep does not read`);
  }
  const { manifests } = json(index, 'index.json');
  if (!Array.isArray(manifests) || !manifests.every(isDescriptor))
    throw archiveError('index.json is not valid');
  if (manifests.length === 0) throw archiveError('it holds no image');
  if (manifests.length > MAX_IMAGES) throw archiveError(`it names ${manifests.length} images`);
  return manifests;
}

function json(bytes: Buffer, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (e) {
    throw archiveError(`${name} is not JSON`, e);
  }
  if (!isObject(value)) throw archiveError(`${name} is not a JSON object`);
  return value;
}

/** Not something that is attached to one. */
function isImage(entry: Descriptor): boolean {
  return entry.annotations?.[SUBJECT] === undefined;
}

function nameIn(entry: Descriptor): string | undefined {
  return entry.annotations?.[CONTAINERD_NAME] ?? entry.annotations?.[REF_NAME];
}

/** An entry of index.json with all it needs, checked. Of an index, platforms may be missing, but not all. */
async function imageOf(
  store: Store,
  entry: Descriptor,
  name: string | undefined,
  arrived: Map<string, number>,
): Promise<NamedImage> {
  const ref = name === undefined ? undefined : nameOf(name);
  const what = ref ?? entry.digest;
  const { mediaType, digest, size, platform } = entry;
  const document = await complete(store, entry, what, arrived, 0);
  const annotations = { ...entry.annotations };
  delete annotations[CONTAINERD_NAME];
  delete annotations[REF_NAME];
  return {
    ref,
    document,
    blob: { mediaType, digest, size },
    opts: { annotations, ...(platform && { platform }) },
  };
}

/** Other tools call an image whatever they are told. */
function nameOf(name: string): string {
  try {
    return formatReference(withDefaultTag(parseReference(name)));
  } catch (e) {
    if (!(e instanceof OciError)) throw e;
    throw new OciError(e.code, e.message, {
      hint: `${e.hint} For an archive with one image: --name.`,
      cause: e,
    });
  }
}

async function complete(
  store: Store,
  descriptor: Descriptor,
  what: string,
  arrived: Map<string, number>,
  depth: number,
) {
  const need = ({ digest, size }: Descriptor) => {
    const there = arrived.get(digest);
    if (there === undefined) throw archiveError(`${digest}, which ${printable(what)} needs, is not in it`);
    if (there !== size) throw archiveError(`${digest} should have ${size} bytes, but has ${there}`);
  };
  need(descriptor);
  if (depth > 8) throw archiveError(`${printable(what)} is an index without end`);
  if (descriptor.size > MAX_MANIFEST_BYTES)
    throw archiveError(`the manifest of ${printable(what)} is too large`);
  const bytes = isManifestType(descriptor.mediaType)
    ? await store.readBlob(descriptor.digest)
    : new Uint8Array();
  const document = parseDocument(bytes, descriptor.mediaType, `The manifest of ${printable(what)}`);
  if (document.kind === 'manifest') {
    for (const blob of [document.manifest.config, ...document.manifest.layers]) need(blob);
    return document;
  }
  const there = document.index.manifests.filter((child) => arrived.has(child.digest));
  if (there.length === 0) throw archiveError(`it has no platform of ${printable(what)}`);
  for (const child of there) {
    if (isManifestType(child.mediaType)) await complete(store, child, what, arrived, depth + 1);
    else need(child);
  }
  return document;
}

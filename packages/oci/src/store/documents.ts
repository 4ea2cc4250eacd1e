import { OciError } from '../errors.ts';
import { type Document, isManifestType, parseDocument } from '../manifest.ts';
import { chooseFetched } from '../platform.ts';
import {
  CREATED,
  type Descriptor,
  type Index,
  type Manifest,
  type Platform,
  type StoredImage,
} from '../types.ts';
import type { Blobs } from './blobs.ts';
import { nameOf } from './names.ts';

const NO_MANIFEST: Manifest = {
  schemaVersion: 2,
  config: { mediaType: '', digest: '', size: 0 },
  layers: [],
};

/** A name in index.json, and the manifest or index that it leads to. */
export interface NamedEntry {
  /** The name; the digest of an entry that has none. */
  reference: string;
  descriptor: Descriptor;
}

/** Reads the manifests and indexes among the blobs, and says what an entry of index.json stands for. */
export class Documents {
  readonly #blobs: Blobs;

  constructor(blobs: Blobs) {
    this.#blobs = blobs;
  }

  /** @throws OciError SKEP_STORE_CORRUPT, SKEP_MANIFEST_INVALID */
  async read(desc: Descriptor): Promise<Document> {
    const what = `The manifest of ${nameOf(desc) ?? desc.digest}`;
    // Before reading: an entry may point to anything, also to a file of gigabytes.
    if (!isManifestType(desc.mediaType)) return parseDocument(new Uint8Array(), desc.mediaType, what);
    return parseDocument(await this.#blobs.read(desc.digest), desc.mediaType, what);
  }

  /**
   * The manifest behind a descriptor; of an index, which comes along, the one for a platform.
   *
   * @throws OciError SKEP_STORE_CORRUPT, SKEP_MANIFEST_INVALID, SKEP_PLATFORM, SKEP_NOT_FOUND
   */
  async manifest(
    desc: Descriptor,
    platform?: Platform,
  ): Promise<{ descriptor: Descriptor; manifest: Manifest; index?: Index }> {
    const document = await this.read(desc);
    if (document.kind === 'manifest') return { descriptor: desc, manifest: document.manifest };
    const what = nameOf(desc) ?? desc.digest;
    const { index } = document;
    const descriptor = chooseFetched(index, what, platform, (d) => this.#blobs.size(d.digest) !== undefined);
    const child = await this.read(descriptor);
    if (child.kind === 'manifest') return { descriptor, manifest: child.manifest, index };
    throw new OciError('SKEP_MANIFEST_INVALID', `${what} is an index inside an index.`, {
      hint: 'Build it again.',
    });
  }

  /** The image of an entry of index.json. @throws OciError as {@link Documents.manifest} */
  async image(entry: Descriptor, platform?: Platform): Promise<StoredImage> {
    const { descriptor, manifest, index } = await this.manifest(entry, platform);
    const blobs = [...(index ? [entry] : []), descriptor, manifest.config, ...manifest.layers];
    const image: StoredImage = {
      reference: nameOf(entry) ?? entry.digest,
      descriptor: entry,
      ...(index && { index, fetched: this.#fetched(index) }),
      manifestDescriptor: descriptor,
      manifest,
      size: blobs.reduce((sum, b) => sum + b.size, 0),
    };
    const created = manifest.annotations?.[CREATED];
    if (created !== undefined && !Number.isNaN(Date.parse(created))) image.created = new Date(created);
    return image;
  }

  /** The same for an entry whose manifest may be missing or broken: the image is `damaged` then. */
  async describe({ reference, descriptor }: NamedEntry, platform?: Platform): Promise<StoredImage> {
    try {
      return await this.image(descriptor, platform);
    } catch (e) {
      if (!(e instanceof OciError)) throw e;
      const common = { reference, descriptor, manifestDescriptor: descriptor, size: descriptor.size };
      return { ...common, manifest: NO_MANIFEST, damaged: e };
    }
  }

  #fetched({ manifests }: Index): string[] {
    return manifests.map((m) => m.digest).filter((d) => this.#blobs.size(d) !== undefined);
  }
}

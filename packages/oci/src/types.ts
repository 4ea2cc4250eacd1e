import type { OciError } from './errors.ts';

/** Operating system and architecture, with the names Go uses (`linux`, `amd64`). */
export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
  'os.version'?: string;
}

/** A pointer to content: https://github.com/opencontainers/image-spec/blob/main/descriptor.md */
export interface Descriptor {
  mediaType: string;
  /** `sha256:…` of the content. */
  digest: string;
  /** Bytes. */
  size: number;
  annotations?: Record<string, string>;
  platform?: Platform;
  artifactType?: string;
}

/** An image manifest: https://github.com/opencontainers/image-spec/blob/main/manifest.md */
export interface Manifest {
  schemaVersion: 2;
  /** bee writes none. */
  mediaType?: string;
  artifactType?: string;
  config: Descriptor;
  layers: Descriptor[];
  subject?: Descriptor;
  annotations?: Record<string, string>;
}

/** An image index: https://github.com/opencontainers/image-spec/blob/main/image-index.md */
export interface Index {
  schemaVersion: 2;
  mediaType?: string;
  artifactType?: string;
  manifests: Descriptor[];
  annotations?: Record<string, string>;
}

/** One name in a store, and what it stands for. */
export interface StoredImage {
  /** The name as it stands in index.json; an entry without a name has its digest here. */
  reference: string;
  /** Of what the name points to: a manifest, or an index of manifests (see `manifestDescriptor`). */
  descriptor: Descriptor;
  /** When the name points to an index. It may list platforms that were never fetched. */
  index?: Index;
  /** Digests of the manifests of that index that are here. */
  fetched?: string[];
  /**
   * Of `manifest`: the same as `descriptor`, or the entry of an index that was asked for, else the one that fits this
   * machine, else the first that is here.
   */
  manifestDescriptor: Descriptor;
  /** Empty lists when `damaged`. */
  manifest: Manifest;
  /** From the annotation `org.opencontainers.image.created`. */
  created?: Date;
  /** Bytes of manifest, config and layers together. */
  size: number;
  /** Why the image cannot be used, when its manifest is missing or broken. Only {@link Store.list} gives such images. */
  damaged?: OciError;
}

export const MEDIA_TYPE = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const;

/** The config of an ordinary container image. */
export const CONTAINER_CONFIG = 'application/vnd.oci.image.config.v1+json';

export const REF_NAME = 'org.opencontainers.image.ref.name';
/** On an entry of index.json without a name: the digest that it is attached to, as a signature is. */
export const SUBJECT = 'dev.skep.subject';
/** On an entry of index.json: built on this machine. */
export const BUILT = 'dev.skep.built';
/** On an entry of an index that is docker's attestation manifest: the digest of the manifest that it speaks of. */
export const ATTESTS = 'vnd.docker.reference.digest';
export const CREATED = 'org.opencontainers.image.created';

/** Manifests and indexes larger than this are refused, as registries do. 4 MiB. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

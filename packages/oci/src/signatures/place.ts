import type { Descriptor, Manifest } from '../types.ts';

/** A manifest that holds signatures of another. */
export interface Attached {
  bytes: Uint8Array;
  manifest: Manifest;
  /** Of the older form, which is found by this tag instead of by its subject. */
  tag?: string;
}

/** Where signatures lie beside their images: a repository of a registry, or a store. */
export interface SignaturePlace {
  /** For messages: `ghcr.io/me/oomkill`, or a folder. */
  readonly name: string;
  /** What is attached to a digest and may hold signatures, both forms. */
  attached(digest: string): Promise<Attached[]>;
  /** A blob, its digest checked. */
  readBlob(blob: Descriptor): Promise<Uint8Array>;
  putBlob(bytes: Uint8Array, mediaType: string): Promise<Descriptor>;
  /** Attaches a manifest whose blobs are there. */
  attach(digest: string, attached: Attached): Promise<void>;
}

/** A signature, or what holds one, larger than this is not read. 4 MiB. */
export const MAX_SIGNATURE_BYTES = 4 * 1024 * 1024;
/** More manifests than this are not looked at: whoever can write beside an image could make us read for hours. */
export const MOST_ATTACHED = 100;

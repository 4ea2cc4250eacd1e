import { OciError } from '../errors.ts';
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
  /**
   * What is attached to a digest and may hold signatures, both forms; not all of what is more than {@link MOST_ATTACHED}.
   *
   * @param predicateType what is looked for: what says that it is of this kind comes first
   */
  attached(digest: string, predicateType?: string): AsyncIterable<Attached>;
  /** What holds attestations of the older form, under the tag `sha256-….att`. A store keeps none. */
  olderAttestations?(digest: string): Promise<Attached | undefined>;
  /** A blob, its digest checked. */
  readBlob(blob: Descriptor): Promise<Uint8Array>;
  putBlob(bytes: Uint8Array, mediaType: string): Promise<Descriptor>;
  /** Attaches a manifest whose blobs are there. */
  attach(digest: string, attached: Attached): Promise<void>;
}

/** A signature, or what holds one, larger than this is not read. 4 MiB. */
export const MAX_SIGNATURE_BYTES = 4 * 1024 * 1024;

/**
 * Whether this was thrown for what lies beside an image, and not for the place: it is absent, too large (an SBOM may be), or no
 * signature at all. It is passed over: whoever can write there could keep everybody from the signatures that are good.
 */
export function isUnusable(e: unknown): e is OciError {
  const codes = ['SKEP_NOT_FOUND', 'SKEP_MANIFEST_INVALID', 'SKEP_MEDIA_TYPE'];
  return e instanceof OciError && codes.includes(e.code);
}

/** More manifests than this are not looked at: whoever can write beside an image could make us read for hours. */
export const MOST_ATTACHED = 1000;

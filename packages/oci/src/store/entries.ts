import type { Document } from '../manifest.ts';
import { type Descriptor, type Platform, REF_NAME, SUBJECT } from '../types.ts';
import { nameOf } from './names.ts';

/** What {@link Store.putImage} may be told besides. */
export interface PutImageOptions {
  /** Kept on the entry in index.json. */
  platform?: Platform;
  /** Kept on the entry in index.json. */
  annotations?: Record<string, string>;
}

/** An image to name: see {@link Store.nameImages}. */
export interface NamedImage {
  /** Without one, the entry is found by its digest only. */
  ref: string | undefined;
  document: Document;
  /** The manifest, which must be in the store. */
  blob: Descriptor;
  /** Of an index: the manifests and blobs that were stored with it, which must be there when it is named. */
  holds?: readonly Descriptor[];
  opts?: PutImageOptions;
}

/** What stands in index.json. */
export function entryOf({ ref, document, blob, opts = {} }: NamedImage): Descriptor {
  const entry: Descriptor = { ...blob };
  if (document.kind === 'manifest' && document.manifest.artifactType !== undefined) {
    entry.artifactType = document.manifest.artifactType;
  }
  if (opts.platform !== undefined) entry.platform = opts.platform;
  if (ref !== undefined) entry.annotations = { ...opts.annotations, [REF_NAME]: ref };
  else if (opts.annotations !== undefined) entry.annotations = opts.annotations;
  return entry;
}

/** The entries of index.json with further ones, of which each takes the place of those of its name; the last one counts. */
export function withEntries(manifests: readonly Descriptor[], more: readonly Descriptor[]): Descriptor[] {
  const entries = new Map<string, Descriptor>();
  for (const entry of more) {
    entries.delete(placeOf(entry));
    entries.set(placeOf(entry), entry);
  }
  return [...manifests.filter((m) => !entries.has(placeOf(m))), ...entries.values()];
}

/** What an entry takes the place of: one of its name; without a name, one of its digest and kind. */
function placeOf(entry: Descriptor): string {
  return nameOf(entry) ?? `@${entry.digest} ${isImage(entry)}`;
}

/** Not something that is attached to one. */
export function isImage(entry: Descriptor): boolean {
  return entry.annotations?.[SUBJECT] === undefined;
}

/** What a manifest or index names. */
export function childrenOf(document: Document): Descriptor[] {
  if (document.kind === 'index') return document.index.manifests;
  return [document.manifest.config, ...document.manifest.layers];
}

/** The blobs without which an image is not named: of an index those that were stored with it, not other platforms'. */
export function neededBy({ document, blob, holds = [] }: NamedImage): Descriptor[] {
  return [blob, ...(document.kind === 'manifest' ? childrenOf(document) : holds)];
}

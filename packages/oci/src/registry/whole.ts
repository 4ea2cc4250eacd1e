import { type Document, isManifestType } from '../manifest.ts';
import { eachParallel } from './parallel.ts';
import type { Registry } from './registry.ts';

/** So many images are looked into before the others are taken for whole. */
const LOOKED_INTO = 16;
const AT_ONCE = 8;

/** Of an image and a tag: something else, or nothing, has the tag; the image has it, and its index lost manifests; all is there. */
export type State = 'other' | 'lacks parts' | 'whole';

/**
 * Asks what a tag leads to. Blobs need no question: a registry takes no manifest whose blobs it lacks.
 *
 * @param parts digests of the manifests to ask for
 */
export async function stateOf(
  registry: Registry,
  repository: string,
  tag: string,
  digest: string,
  parts: readonly string[],
): Promise<State> {
  if ((await registry.manifestDigest(repository, tag, 'pull,push')) !== digest) return 'other';
  for (const part of parts) if (!(await registry.hasManifest(repository, part))) return 'lacks parts';
  return 'whole';
}

/** Digests of the manifests that an index lists. */
export function partsOf(document: Document): string[] {
  if (document.kind === 'manifest') return [];
  return document.index.manifests.filter((m) => isManifestType(m.mediaType)).map((m) => m.digest);
}

/**
 * Whether images that a repository has under their tags may have lost manifests of their index. A registry's cleaning takes away
 * what has no tag of its own, and does so of all images that it finds: some, spread over all of them, show it. To ask each
 * image for its parts would be half as many requests again.
 *
 * @param images those that have a tag there, in any order
 * @param stateOf asks for one
 */
export async function mayLackParts<T>(
  images: readonly T[],
  stateOf: (image: T) => Promise<State>,
): Promise<boolean> {
  const step = Math.max(1, images.length / LOOKED_INTO);
  const some = Array.from(
    { length: Math.min(images.length, LOOKED_INTO) },
    (_, i) => images[Math.floor(i * step)] as T,
  );
  let lacks = false;
  await eachParallel(some, AT_ONCE, async (image) => {
    lacks ||= (await stateOf(image)) === 'lacks parts';
  });
  return lacks;
}

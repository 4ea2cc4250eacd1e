import { type Document, isManifestType } from '../manifest.ts';
import { eachParallel } from './parallel.ts';
import type { Registry } from './registry.ts';

/** So many images are looked into before the others are taken for whole. */
const LOOKED_INTO = 16;
const AT_ONCE = 8;

/** Of an image and a tag: something else, or nothing, has the tag; the image has it, and its index lost manifests; all is there. */
export type State = 'other' | 'lacks parts' | 'whole';

/**
 * What a tag leads to. Blobs need no question: a registry takes no manifest whose blobs it lacks.
 *
 * @param parts digests of the manifests to ask for, unless `look` says to leave them
 */
export async function stateOf(
  registry: Registry,
  repository: string,
  tag: string,
  digest: string,
  parts: readonly string[],
  look: Look = 'parts',
): Promise<State> {
  if (look !== 'parts' && look !== 'tag') return look;
  if ((await registry.manifestDigest(repository, tag, 'pull,push')) !== digest) return 'other';
  if (look === 'tag') return 'whole';
  for (const part of parts) if (!(await registry.hasManifest(repository, part))) return 'lacks parts';
  return 'whole';
}

/** Digests of the manifests that an index lists. */
export function partsOf(document: Document): string[] {
  if (document.kind === 'manifest') return [];
  return document.index.manifests.filter((m) => isManifestType(m.mediaType)).map((m) => m.digest);
}

/** How to find out whether an image is there: known already; or by its tag, with the manifests of its index or without. */
export type Look = State | 'tag' | 'parts';

/**
 * How to look for images that a repository has under their tags. They may have lost manifests of their index: a registry's cleaning
 * takes away what has no tag of its own, and does so of all images that it finds. Some, spread over all of them, show it: these are
 * asked for, and then it is known of them; to ask each image for its parts would be half as many requests again.
 *
 * @param images those that have a tag there, in any order
 * @param stateOf asks for one
 */
export async function howToLook<T>(
  images: readonly T[],
  stateOf: (image: T) => Promise<State>,
): Promise<(image: T) => Look> {
  const step = Math.max(1, images.length / LOOKED_INTO);
  const some = Array.from(
    { length: Math.min(images.length, LOOKED_INTO) },
    (_, i) => images[Math.floor(i * step)] as T,
  );
  const states = new Map<T, State>();
  await eachParallel(some, AT_ONCE, async (image) => {
    states.set(image, await stateOf(image));
  });
  const lacks = [...states.values()].includes('lacks parts');
  return (image) => states.get(image) ?? (lacks ? 'parts' : 'tag');
}

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { imagesOf, type NamedEntry, type Store, type StoredImage } from '@skep/oci';
import { readPrograms } from './image-programs.ts';
import { createdAt, openStore } from './images.ts';
import { imagesIn, type KeptImage, rowsBefore } from './listed-cache.ts';
import type { Settings } from './settings.ts';

/**
 * Reads a store for its list: of each image what no earlier list has, or is true no more.
 *
 * @returns in the order in which they were named last; `passing` when a second look might find more, as when a file could
 * not be read
 */
export async function readImages(
  settings: Settings,
  dir: string,
): Promise<{ images: KeptImage[]; passing: boolean }> {
  const store = await openStore(settings);
  const blobs = blobsIn(store.dir);
  const known = new Map(imagesIn(rowsBefore(dir)).map((image) => [image.digest, image]));
  const images: KeptImage[] = [];
  let passing = false;
  for (const entry of store.entries()) {
    const { reference, descriptor } = entry;
    const before = known.get(descriptor.digest);
    if (before && isTrue(before, blobs)) {
      const own = descriptor.platform && `${descriptor.platform.os}/${descriptor.platform.architecture}`;
      images.push({ ...before, reference, platform: own ?? before.platform });
      continue;
    }
    const read = await readImage(store, entry);
    images.push(read.image);
    passing ||= read.passing;
  }
  return { images, passing };
}

/** Reads one image for the list. */
export async function readImage(
  store: Store,
  entry: NamedEntry,
): Promise<{ image: KeptImage; passing: boolean }> {
  const { digest } = entry.descriptor;
  const stored = await store.describe(entry);
  const programs = await readPrograms(store, stored);
  const { index, manifestDescriptor, fetched = [] } = stored;
  const listed = index ? imagesOf(index).map((m) => m.digest) : [];
  const image = {
    reference: entry.reference,
    digest,
    size: stored.size,
    created: createdAt(store, stored)?.getTime() ?? 0,
    platform: platformOf(stored),
    programs: (programs.names ?? ['(unreadable)']).join(','),
    manifest: manifestDescriptor.digest === digest ? '' : manifestDescriptor.digest,
    absent: programs.names ? listed.filter((d) => !fetched.includes(d)).join(',') : '?',
  };
  return { image, passing: programs.passing ?? false };
}

function isTrue({ digest, manifest, absent }: KeptImage, blobs: ReadonlySet<string>): boolean {
  if (absent === '?' || !blobs.has(digest) || (manifest !== '' && !blobs.has(manifest))) return false;
  return absent === '' || !absent.split(',').some((one) => blobs.has(one));
}

/** The digests of all blobs: one look at each folder instead of one at each file. */
function blobsIn(dir: string): Set<string> {
  const found = new Set<string>();
  for (const algorithm of ['sha256', 'sha512']) {
    try {
      for (const name of readdirSync(join(dir, 'blobs', algorithm))) found.add(`${algorithm}:${name}`);
    } catch {
      // A store without blobs of this kind; one that cannot be read is told of by who reads an image.
    }
  }
  return found;
}

function platformOf({ index, descriptor }: StoredImage): string {
  const entries = index ? imagesOf(index) : [descriptor];
  return entries.flatMap(({ platform: p }) => (p ? [`${p.os}/${p.architecture}`] : [])).join(',');
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { imagesOf, type StoredImage } from '@skep/oci';
import { readPrograms } from './image-programs.ts';
import { createdAt, openStore } from './images.ts';
import { type ListedImage, writeCache } from './listed-images.ts';
import type { Settings } from './settings.ts';

/**
 * What is remembered of an image. Content never changes under a digest, so it stays true for as long as the manifests that it
 * was read from are there, and no further one of its index.
 */
interface Memo {
  image: ListedImage;
  here: string[];
  absent: string[];
}

/** Raised when a {@link Memo} means something else. */
const VERSION = 1;

/**
 * Reads a store for its list: of each image what is not remembered from an earlier time, or is so no more.
 *
 * @param file keeps the memos
 * @returns in the order in which they were named last; `passing` when a second look might find more, as when a file could
 * not be read
 */
export async function readImages(
  settings: Settings,
  file: string,
): Promise<{ images: ListedImage[]; passing: boolean }> {
  const store = await openStore(settings);
  const blobs = blobsIn(store.dir);
  const known = readMemos(file);
  const memos: Memo[] = [];
  const images: ListedImage[] = [];
  let learned = false;
  let passing = false;
  for (const entry of store.entries()) {
    const { reference, descriptor } = entry;
    const memo = known.get(descriptor.digest);
    if (memo && isTrue(memo, blobs)) {
      const own = descriptor.platform && `${descriptor.platform.os}/${descriptor.platform.architecture}`;
      images.push({ ...memo.image, reference, platform: own ?? memo.image.platform });
      memos.push(memo);
      continue;
    }
    const stored = await store.describe(entry);
    const programs = await readPrograms(store, stored);
    const image = {
      reference,
      digest: descriptor.digest,
      size: stored.size,
      created: createdAt(store, stored)?.getTime() ?? 0,
      platform: platformOf(stored),
      programs: (programs.names ?? ['(unreadable)']).join(','),
    };
    images.push(image);
    if (programs.names) memos.push(memoOf(image, stored));
    learned = true;
    passing ||= programs.passing ?? false;
  }
  if (learned) writeCache(file, JSON.stringify({ version: VERSION, arch: process.arch, memos }));
  return { images, passing };
}

function memoOf(
  image: ListedImage,
  { descriptor, manifestDescriptor, index, fetched = [] }: StoredImage,
): Memo {
  const listed = imagesOf(index ?? { schemaVersion: 2, manifests: [] }).map((m) => m.digest);
  return {
    image,
    here: [...new Set([descriptor.digest, manifestDescriptor.digest])],
    absent: listed.filter((digest) => !fetched.includes(digest)),
  };
}

function isTrue({ here, absent }: Memo, blobs: ReadonlySet<string>): boolean {
  return here.every((digest) => blobs.has(digest)) && !absent.some((digest) => blobs.has(digest));
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

function readMemos(file: string): Map<string, Memo> {
  try {
    const { version, arch, memos } = JSON.parse(readFileSync(file, 'utf8'));
    if (version !== VERSION || arch !== process.arch) return new Map();
    return new Map((memos as Memo[]).map((memo) => [memo.image.digest, memo]));
  } catch {
    return new Map(); // none yet, or cut short: everything is read anew
  }
}

function platformOf({ index, descriptor }: StoredImage): string {
  const entries = index ? imagesOf(index) : [descriptor];
  return entries.flatMap(({ platform: p }) => (p ? [`${p.os}/${p.architecture}`] : [])).join(',');
}

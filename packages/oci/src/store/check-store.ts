import { readdirSync } from 'node:fs';
import { errno, OciError } from '../errors.ts';
import { isManifestType, parseDocument } from '../manifest.ts';
import { isDigest } from '../reference.ts';
import { type Descriptor, SUBJECT } from '../types.ts';
import type { Blobs } from './blobs.ts';
import { nameOf } from './names.ts';

/** Something wrong in a store. */
export interface StoreProblem {
  /** The blob it is about. */
  digest?: string;
  /** Names of images that are affected; none for what no image needs. */
  images: string[];
  /** One sentence. */
  message: string;
}

/** What a check of a store found. */
export interface StoreCheck {
  images: number;
  blobs: number;
  /** Bytes read. */
  bytes: number;
  /** Blobs that no image needs; no problem, prune takes them. */
  unreferenced: string[];
  problems: StoreProblem[];
}

/** Reads every blob, and follows every name to all that it needs. Other platforms of an index may be absent. */
export async function checkStore(blobs: Blobs, entries: readonly Descriptor[]): Promise<StoreCheck> {
  const bad = new Map<string, string>();
  const sizes = new Map<string, number>();
  for (const { digest } of blobs.list()) {
    try {
      let size = 0;
      for await (const piece of blobs.stream(digest)) size += piece.length;
      sizes.set(digest, size);
    } catch (e) {
      if (!(e instanceof OciError)) throw e;
      // Removed since it was listed: missed below if an image needs it.
      if (blobs.size(digest) !== undefined) bad.set(digest, e.message);
    }
  }
  const found = new Map<string, StoreProblem>();
  const needed = new Set<string>();
  const walk = async (
    descriptor: Descriptor,
    image: string,
    mayBeAbsent: boolean,
    path: string[],
  ): Promise<void> => {
    const { digest, size, mediaType } = descriptor;
    const there = sizes.get(digest);
    if (there === undefined && mayBeAbsent && !bad.has(digest)) return;
    needed.add(digest);
    const tell = (message: string) => {
      const known = found.get(digest) ?? { digest, images: [], message };
      if (!known.images.includes(image)) known.images.push(image);
      found.set(digest, known);
    };
    if (there === undefined) return tell(bad.get(digest) ?? `Blob ${digest} is missing.`);
    if (there !== size) return tell(`Blob ${digest} has ${there} bytes, but ${image} says ${size}.`);
    if (!isManifestType(mediaType) || path.includes(digest)) return;
    try {
      const document = parseDocument(await blobs.read(digest), mediaType, `The manifest of ${image}`);
      const children =
        document.kind === 'index'
          ? document.index.manifests
          : [document.manifest.config, ...document.manifest.layers];
      for (const child of children) await walk(child, image, document.kind === 'index', [...path, digest]);
    } catch (e) {
      if (!(e instanceof OciError)) throw e;
      tell(e.message);
    }
  };
  for (const entry of entries) await walk(entry, nameOf(entry) ?? entry.digest, false, []);
  for (const [digest, message] of bad)
    if (!found.has(digest)) found.set(digest, { digest, images: [], message });
  const strays = strangers(blobs).map(
    (path): StoreProblem => ({ images: [], message: `${path} is no blob.` }),
  );
  return {
    images: entries.filter((e) => e.annotations?.[SUBJECT] === undefined).length,
    blobs: sizes.size + bad.size,
    bytes: [...sizes.values()].reduce((a, b) => a + b, 0),
    unreferenced: [...sizes.keys()].filter((digest) => !needed.has(digest)),
    problems: [...found.values(), ...strays],
  };
}

/** Files among the blobs whose names are no digests. One that a writer adds meanwhile is judged by its name as well. */
function strangers(blobs: Blobs): string[] {
  return ['sha256', 'sha512'].flatMap((algorithm) => {
    const folder = blobs.folder(algorithm);
    return list(folder)
      .filter((name) => !isDigest(`${algorithm}:${name}`))
      .map((name) => `${folder}/${name}`);
  });
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (e) {
    if (errno(e) === 'ENOENT') return []; // a store without blobs of this kind
    throw e;
  }
}

import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { parsePlatform, type Store, type StoredImage } from '@skep/oci';
import type { ProbeImage } from '@skep/probe';
import { probeName } from './compile.ts';
import { noImage, openStore } from './images.ts';
import type { Settings } from './settings.ts';
import { inInvokersStore } from './sudo-store.ts';
import { mark } from './timing.ts';

/** A probe, from wherever it was named. `stored` when it is an image of the local store. */
export interface Source {
  image: ProbeImage;
  stored?: StoredImage;
}

/** Looks at what was found before anything is done with it; throws for what is not to be used. */
export type SourceCheck = (source: Source, store?: Store) => Promise<void>;

/** Whether a word of the command line is a file here (bee's rule: a file wins over an image of that name). */
export async function isFile(word: string): Promise<boolean> {
  try {
    return (await stat(word)).isFile();
  } catch {
    return false;
  }
}

/** A word that can only have been meant as a path. */
export function looksLikePath(word: string): boolean {
  return /^[./~]/.test(word) || /\.(c|o)$/.test(word);
}

/** Reads an object file. */
export async function objectFile(path: string): Promise<Source> {
  const { readFile } = await import('node:fs/promises');
  const bytes = new Uint8Array(
    await readFile(path).catch((e: Error) => {
      throw Object.assign(e, { path });
    }),
  );
  const name = basename(path);
  return { image: { name: probeName(path), objects: [{ name, bytes }] } };
}

/**
 * An image of the local store, or under sudo of the store of the user who called; undefined if neither has it.
 *
 * @param check is called with that store, and under sudo with the rights of that user
 * @param platform of an image for several, this one; see `resolve` of the store for which it is without
 */
export async function storedImage(
  reference: string,
  settings: Settings,
  check?: SourceCheck,
  platform?: string,
): Promise<Source | undefined> {
  const { unpackImage } = await import('@skep/probe');
  const inStore = async (at: Settings): Promise<Source | undefined> => {
    const store = await openStore(at);
    mark('store opened');
    const stored = await store.resolve(
      reference,
      platform === undefined ? undefined : parsePlatform(platform),
    );
    if (!stored) return undefined;
    const source = { image: await unpackImage(store, stored), stored };
    await check?.(source, store);
    return source;
  };
  return (await inStore(settings)) ?? (await inInvokersStore(settings, inStore));
}

/** The platforms of a stored image that are here; none for a file, an absent image, or one that is not for several. */
export async function storedPlatforms(reference: string, settings: Settings): Promise<string[]> {
  if ((await isFile(reference)) || looksLikePath(reference)) return [];
  const { formatPlatform, imagesOf } = await import('@skep/oci');
  const inStore = async (at: Settings): Promise<string[] | undefined> => {
    const stored = await (await openStore(at)).resolve(reference);
    if (!stored) return undefined;
    const here = stored.index ? imagesOf(stored.index).filter((m) => stored.fetched?.includes(m.digest)) : [];
    return here.flatMap((m) => (m.platform ? [formatPlatform(m.platform)] : []));
  };
  return (await inStore(settings)) ?? (await inInvokersStore(settings, inStore)) ?? [];
}

/** Reads an object file, or an image of the local store; throws SKEP_NOT_FOUND when it is neither. */
export async function fileOrImage(
  word: string,
  settings: Settings,
  platform?: string,
  check?: SourceCheck,
): Promise<Source> {
  if ((await isFile(word)) || looksLikePath(word)) return objectFile(word);
  return (await storedImage(word, settings, check, platform)) ?? noImage(await openStore(settings), word);
}

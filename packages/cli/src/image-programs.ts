import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Store, StoredImage } from '@skep/oci';

/**
 * The names of an image's programs, for the list. Reading them out of the objects takes longer than all the rest of
 * the list, so they are remembered by digest; a memory that cannot be read or written only makes it slower.
 */
export async function programsOf(store: Store, image: StoredImage): Promise<string[]> {
  const file = cacheFile(image.manifestDescriptor.digest);
  try {
    return (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  } catch {
    const names = await readPrograms(store, image);
    if (names) await remember(file, names);
    return names ?? ['(unreadable)'];
  }
}

/** Undefined for an image that is damaged or no probe: the list shows the others all the same. */
async function readPrograms(store: Store, image: StoredImage): Promise<string[] | undefined> {
  const { describeObject, unpackImage } = await import('@skep/probe');
  try {
    const { objects } = await unpackImage(store, image);
    return objects.flatMap((o) => describeObject(o.bytes, o.name).programs.map((p) => p.name));
  } catch {
    return undefined;
  }
}

async function remember(file: string, names: readonly string[]): Promise<void> {
  const mine = `${file}.${process.pid}`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(mine, `${names.join('\n')}\n`);
    await rename(mine, file);
  } catch {
    // A home that is read-only or full: the names are read again the next time.
  }
}

function cacheFile(digest: string): string {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'skep', 'programs', digest.replace(':', '-'));
}

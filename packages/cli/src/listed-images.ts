import { resolve } from 'node:path';
import {
  imagesIn,
  type Kept,
  type KeptImage,
  keep,
  keptOf,
  type ListedImage,
  rowOf,
  type State,
  stateOf,
} from './listed-cache.ts';
import { linesOf } from './listed-table.ts';
import type { Settings } from './settings.ts';

/** Two changes of a folder so near to each other may leave it with one time. */
const SAME_TIME_MS = 2000;

/**
 * The images of a store, newest first. Ten thousand of them are thirty thousand files, so the list is kept in the user's
 * cache, for as long as neither index.json nor the folders of blobs have changed: a name or a blob comes by a rename and goes
 * by its removal, both of which move the time of the folder. A writer that is killed has done such a step or has not. After a
 * change, what differs is read and put into the list that was kept. Content that is damaged where it lies is for `verify
 * --store` to find. A cache that cannot be read or written only makes it slower.
 */
export async function listImages(settings: Settings): Promise<ListedImage[]> {
  const dir = resolve(settings.storage);
  const state = stateOf(dir);
  const rows = keptOf(dir, state, 'rows');
  if (rows !== undefined) return imagesIn(rows);
  const made = await make(settings, dir, state);
  await made.keeping;
  return 'images' in made ? made.images : imagesIn(made.rows);
}

/**
 * The same as {@link linesOf} makes of it, kept beside it: to print them, there is no need for ten thousand objects.
 *
 * @param print gets them before they are kept
 */
export async function listLines(
  settings: Settings,
  print: (lines: string) => Promise<void> = async () => undefined,
): Promise<string> {
  const dir = resolve(settings.storage);
  const state = stateOf(dir);
  const kept = keptOf(dir, state, 'lines');
  const made = kept === undefined ? await make(settings, dir, state) : undefined;
  const lines = kept ?? (made && 'images' in made ? linesOf(made.images) : made!.lines);
  await print(lines);
  await made?.keeping;
  return lines;
}

/** The list, and when it is kept. */
type Made = (Kept | { images: KeptImage[] }) & { keeping?: Promise<void> };

async function make(settings: Settings, dir: string, state: State): Promise<Made> {
  const { followChange, textsOf } = await import('./listed-change.ts');
  const followed = await followChange(settings, dir, state);
  if (followed) {
    const { kept, before, passing } = followed;
    return {
      ...kept,
      keeping: passing || !isSettled(dir, state) ? undefined : keep(dir, state, kept, before),
    };
  }
  const { readImages } = await import('./read-images.ts');
  const texts = textsOf(dir);
  const { images, passing } = await readImages(settings, dir);
  images.sort((a, b) => b.created - a.created);
  const rows = images.map(rowOf);
  if (passing || rows.includes(undefined) || !isSettled(dir, state)) return { images };
  const kept = { ...texts, rows: rows.map((row) => `${row}\n`).join(''), lines: linesOf(images) };
  return { images, keeping: keep(dir, state, kept) };
}

/** One that changed just now may change again within the same tick of the file system's clock. */
function isSettled(dir: string, { places, changed }: State): boolean {
  return Date.now() - changed > SAME_TIME_MS && `${stateOf(dir).places}` === `${places}`;
}

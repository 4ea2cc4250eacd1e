import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { cachePath } from './cache.ts';
import { linesOf } from './listed-table.ts';
import type { Settings } from './settings.ts';

/** A row of `skep list`, not yet in words. */
export interface ListedImage {
  reference: string;
  /** Of what the name leads to. */
  digest: string;
  /** Bytes of manifests, config and layers. */
  size: number;
  /** Milliseconds since 1970; of an image that does not say it, when it came here. 0 when nobody knows. */
  created: number;
  /** Of an index all that it lists, `linux/amd64,linux/arm64`, whether they are here or not. */
  platform: string;
  /** Names with commas between; `(unreadable)` for an image that is damaged or no probe. */
  programs: string;
}

/** Raised when the file means something else: older ones are then read as nothing. */
const VERSION = 1;
/** Two changes of a folder so near to each other may leave it with one time. */
const SAME_TIME_MS = 2000;
const STATE = ['oci-layout', '.skep/version', 'index.json', 'blobs/sha256', 'blobs/sha512'];

/**
 * The images of a store, newest first. Ten thousand of them are thirty thousand files, so the list is kept in the user's
 * cache, for as long as neither index.json nor the folders of blobs have changed: a name or a blob comes by a rename and goes
 * by its removal, both of which move the time of the folder. A writer that is killed has done such a step or has not. Content
 * that is damaged where it lies is for `verify --store` to find. A cache that cannot be read or written only makes it slower.
 */
export async function listImages(settings: Settings): Promise<ListedImage[]> {
  const dir = resolve(settings.storage);
  const { text } = stateOf(dir);
  const kept = keptText(cacheFile(dir, 'rows'), headOf(dir, text));
  return kept === undefined ? readAll(settings, dir) : rowsOf(kept);
}

/** The same as {@link linesOf} makes of it, kept beside it: to print them, there is no need for ten thousand objects. */
export async function listLines(settings: Settings): Promise<string> {
  const dir = resolve(settings.storage);
  const { text } = stateOf(dir);
  return keptText(cacheFile(dir, 'lines'), headOf(dir, text)) ?? linesOf(await readAll(settings, dir));
}

async function readAll(settings: Settings, dir: string): Promise<ListedImage[]> {
  const state = stateOf(dir);
  const { readImages } = await import('./read-images.ts');
  const { images, passing } = await readImages(settings, cacheFile(dir, 'memos.json'));
  images.sort((a, b) => b.created - a.created);
  // One that changed just now may change again within the same tick of the file system's clock.
  if (!passing && Date.now() - state.changed > SAME_TIME_MS) keep(dir, headOf(dir, state.text), images);
  return images;
}

/** Writes a file of the cache in one step. */
export function writeCache(file: string, text: string): void {
  const fresh = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(fresh, text);
    renameSync(fresh, file);
  } catch {
    rmSync(fresh, { force: true }); // a home that is read-only or full: it is read again the next time
  }
}

function headOf(dir: string, state: string): string {
  return JSON.stringify([VERSION, process.arch, dir, state]);
}

/** What a file holds behind this head; nothing unless it begins with it and is whole. */
function keptText(file: string, head: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined; // none yet
  }
  // The last line says that the file is whole.
  if (!text.startsWith(`${head}\n`) || !text.endsWith('\n.\n')) return undefined;
  return text.slice(head.length + 1, -2);
}

function rowsOf(text: string): ListedImage[] {
  const images: ListedImage[] = [];
  for (let at = 0; at < text.length; ) {
    // split() would make an array for each of ten thousand lines.
    const cell = (end: string): string => {
      const from = at;
      at = text.indexOf(end, from) + 1;
      return text.slice(from, at - 1);
    };
    const [reference, digest, size, created] = [
      cell('\t'),
      cell('\t'),
      Number(cell('\t')),
      Number(cell('\t')),
    ];
    images.push({ reference, digest, size, created, platform: cell('\t'), programs: cell('\n') });
  }
  return images;
}

function keep(dir: string, head: string, images: readonly ListedImage[]): void {
  const rows = images.map((i) => [i.reference, i.digest, i.size, i.created, i.platform, i.programs]);
  // Another tool may have written any name.
  if (rows.some((row) => row.some((text) => /[\t\n]/.test(String(text))))) return;
  const write = (ending: string, text: string) => writeCache(cacheFile(dir, ending), `${head}\n${text}.\n`);
  write('rows', rows.map((row) => `${row.join('\t')}\n`).join(''));
  write('lines', linesOf(images));
}

/** What changes with every name and every blob that comes or goes, and when the last of it did. */
function stateOf(dir: string): { text: string; changed: number } {
  const look = (place: string) => {
    try {
      return statSync(join(dir, place), { bigint: true, throwIfNoEntry: false });
    } catch {
      return undefined; // who opens the store says why it cannot be looked into
    }
  };
  const found = STATE.map(look);
  return {
    text: found.map((s) => (s ? `${s.dev} ${s.ino} ${s.size} ${s.mtimeNs} ${s.ctimeNs}` : '')).join(', '),
    changed: Math.max(...found.map((s) => (s ? Number(s.mtimeMs) : 0))),
  };
}

function cacheFile(storeDir: string, ending: string): string {
  return cachePath('lists', `${encodeURIComponent(storeDir).slice(-200)}.${ending}`);
}

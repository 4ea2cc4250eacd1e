import { readFileSync, rmSync, statSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cachePath } from './cache.ts';

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

/**
 * A row and what it was read from. Content never changes under a digest, so it stays true for as long as these manifests are
 * there, and no further one of its index.
 */
export interface KeptImage extends ListedImage {
  /** The manifest of this machine's platform, where it is not what the name leads to; else empty. */
  manifest: string;
  /** Manifests of its index that are not here, with commas between; `?` when it could not be read. */
  absent: string;
}

/** What changes with every name and every blob that comes or goes. */
export interface State {
  /** Of each of {@link PLACES}. */
  places: readonly string[];
  /** When the last of it did, in milliseconds since 1970. */
  changed: number;
}

/** The texts that a list is kept in; each is a file. */
export interface Kept {
  /** A line an image, its fields between tabs, the newest first. */
  rows: string;
  /** As `linesOf` makes them of the same images. */
  lines: string;
  /** index.json of then. */
  index: string;
  /** The names in blobs/sha256 of then, sorted, a line each. */
  blobs: string;
}

/** Raised when a file means something else: older ones are then read as nothing. */
const VERSION = 2;
export const PLACES = ['index.json', 'blobs/sha256', 'blobs/sha512', 'oci-layout', '.skep/version'] as const;

/** Looks at a store from outside. */
export function stateOf(dir: string): State {
  const look = (place: string) => {
    try {
      return statSync(join(dir, place), { bigint: true, throwIfNoEntry: false });
    } catch {
      return undefined; // who opens the store says why it cannot be looked into
    }
  };
  const found = PLACES.map(look);
  return {
    places: found.map((s) => (s ? `${s.dev} ${s.ino} ${s.size} ${s.mtimeNs} ${s.ctimeNs}` : '')),
    changed: Math.max(...found.map((s) => (s ? Number(s.mtimeMs) : 0))),
  };
}

/** The rows or lines of exactly this state. */
export function keptOf(dir: string, { places }: State, ending: 'rows' | 'lines'): string | undefined {
  return textBehind(cacheFile(dir, ending), headOf(dir, places));
}

/** All that is kept of an earlier state, and which that was; nothing unless it belongs together. */
export function keptBefore(dir: string): (Kept & { places: string[] }) | undefined {
  const places = placesBefore(dir);
  if (places === undefined) return undefined;
  const [index, blobs] = places as [string, string];
  const text = (ending: keyof Kept, of: readonly string[]) =>
    textBehind(cacheFile(dir, ending), headOf(dir, of));
  const [rows, lines] = [text('rows', places), text('lines', places)];
  const [then, names] = [text('index', [index]), text('blobs', [blobs])];
  if (rows === undefined || lines === undefined || then === undefined || names === undefined)
    return undefined;
  return { places, rows, lines, index: then, blobs: names };
}

/** The rows of an earlier state, whatever it was; empty when there are none. */
export function rowsBefore(dir: string): string {
  const places = placesBefore(dir);
  return (places && textBehind(cacheFile(dir, 'rows'), headOf(dir, places))) ?? '';
}

/**
 * Keeps a list: on other threads, since it is some megabytes that nobody waits for. Each file comes in one step, and says what it
 * belongs to: who is killed between two leaves no wrong list.
 */
export async function keep(
  dir: string,
  { places }: State,
  kept: Kept,
  before: readonly string[] = [],
): Promise<void> {
  const [index, blobs] = places as [string, string];
  const write = (ending: keyof Kept, of: readonly string[]) =>
    writeCache(cacheFile(dir, ending), `${headOf(dir, of)}\n${kept[ending]}\n.\n`);
  await Promise.all([
    before[0] === index || write('index', [index]),
    before[1] === blobs || write('blobs', [blobs]),
    write('lines', places),
    write('rows', places),
  ]);
}

/** The text of a row. Undefined when a name, which another tool may have written, would not stay one field. */
export function rowOf(image: KeptImage): string | undefined {
  const fields = [
    image.reference,
    image.digest,
    image.size,
    image.created,
    image.platform,
    image.programs,
    image.manifest,
    image.absent,
  ];
  return fields.some((field) => /[\t\n]/.test(String(field))) ? undefined : fields.join('\t');
}

/** The images of {@link Kept.rows}. */
export function imagesIn(rows: string): KeptImage[] {
  const images: KeptImage[] = [];
  for (let at = 0; at < rows.length; ) {
    // split() would make an array for each of ten thousand lines.
    const cell = (end: string): string => {
      const from = at;
      at = rows.indexOf(end, from) + 1;
      return rows.slice(from, at - 1);
    };
    const [reference, digest, size, created] = [
      cell('\t'),
      cell('\t'),
      Number(cell('\t')),
      Number(cell('\t')),
    ];
    const [platform, programs, manifest, absent] = [cell('\t'), cell('\t'), cell('\t'), cell('\n')];
    images.push({ reference, digest, size, created, platform, programs, manifest, absent });
  }
  return images;
}

function headOf(dir: string, places: readonly string[]): string {
  return JSON.stringify([VERSION, process.arch, dir, places]);
}

/** Of which state the kept rows are. */
function placesBefore(dir: string): string[] | undefined {
  try {
    const text = readFileSync(cacheFile(dir, 'rows'), 'utf8');
    const [version, arch, of, places] = JSON.parse(text.slice(0, text.indexOf('\n')));
    return version === VERSION && arch === process.arch && of === dir ? places : undefined;
  } catch {
    return undefined; // none yet, or cut short
  }
}

/** What a file holds behind this head; nothing unless it begins with it and is whole. */
function textBehind(file: string, head: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined; // none yet
  }
  // The last line says that the file is whole.
  if (!text.startsWith(`${head}\n`) || !text.endsWith('\n.\n')) return undefined;
  return text.slice(head.length + 1, -3);
}

async function writeCache(file: string, text: string): Promise<void> {
  const fresh = `${file}.${process.pid}`;
  // The reader of the list may go away meanwhile, and with that this process.
  const drop = () => {
    try {
      rmSync(fresh, { force: true });
    } catch {
      // Another user's folder, under HOME of before: nothing was written there.
    }
  };
  process.once('exit', drop);
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(fresh, text);
    await rename(fresh, file);
  } catch {
    drop(); // a home that is read-only or full: it is read again the next time
  } finally {
    process.removeListener('exit', drop);
  }
}

function cacheFile(storeDir: string, ending: string): string {
  return cachePath('lists', `${encodeURIComponent(storeDir).slice(-200)}.${ending}`);
}

import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Descriptor, type NamedEntry, REF_NAME, type Store, SUBJECT } from '@skep/oci';
import { openStore } from './images.ts';
import {
  imagesIn,
  type Kept,
  type KeptImage,
  keptBefore,
  PLACES,
  rowOf,
  type State,
} from './listed-cache.ts';
import { type Difference, entriesBetween, namesBetween } from './listed-difference.ts';
import { isTight, lineIn, linesOf } from './listed-table.ts';
import type { Settings } from './settings.ts';

/**
 * The list of a store as it is now, out of the one that was kept: what index.json and the folder of blobs had then is compared with
 * what they have, so nothing depends on who changed them, or how often. Of ten thousand images, none but the new ones is parsed.
 *
 * @returns undefined when there is nothing to go by, or too much has changed, or something that this cannot follow
 */
export async function followChange(
  settings: Settings,
  dir: string,
  { places }: State,
): Promise<{ kept: Kept; before: readonly string[]; passing: boolean } | undefined> {
  const kept = keptBefore(dir);
  // Of the folders of blobs only the usual one is compared by its names. An image that could not be read may be whole now.
  if (!kept || PLACES.some((_, i) => i > 1 && kept.places[i] !== places[i])) return undefined;
  if (kept.rows === '' || kept.rows.includes('\t?\n')) return undefined;
  // Reading thirty thousand names takes as long as all else: on another thread.
  const listing = kept.places[1] === places[1] ? undefined : namesIn(dir);
  const index = textOf(dir);
  const entries = index === undefined ? undefined : entriesBetween(kept.index, index);
  const names = listing ? await listing : kept.blobs;
  const blobs = names === undefined ? undefined : namesBetween(kept.blobs, names);
  if (names === undefined || index === undefined || !entries || !blobs) return undefined;
  const images = await applied(settings, kept, entries, blobs);
  if (!images) return undefined;
  const { rows, lines, passing } = images;
  return {
    kept: { rows, lines, index, blobs: names },
    before: kept.places,
    passing,
  };
}

/** What a list is kept with, to see later what has changed; of no store, or one that cannot be read, nothing. */
export function textsOf(dir: string): Pick<Kept, 'index' | 'blobs'> {
  let names: string[] = [];
  try {
    names = readdirSync(join(dir, 'blobs/sha256')).sort();
  } catch {
    // who opens it says why
  }
  return { index: textOf(dir) ?? '', blobs: linesOfNames(names) };
}

/** The kept rows and lines with what is new, without what is gone. */
async function applied(
  settings: Settings,
  kept: Kept,
  entries: Difference<Descriptor>,
  blobs: Difference<string>,
): Promise<{ rows: string; lines: string; passing: boolean } | undefined> {
  const header = kept.lines.slice(0, kept.lines.indexOf('\n') + 1);
  let { rows, lines } = kept;
  let sameWidths = true;
  for (const { reference, descriptor } of imagesOf(entries.gone)) {
    const at = startOf(rows, `${reference}\t${descriptor.digest}\t`);
    const [image] = at < 0 ? [] : imagesIn(rows.slice(at, rows.indexOf('\n', at) + 1));
    const line = image && lineIn(header, image);
    const lineAt = line === undefined ? -1 : startOf(lines, line);
    if (line === undefined || lineAt < 0) return undefined;
    rows = rows.slice(0, at) + rows.slice(rows.indexOf('\n', at) + 1);
    lines = lines.slice(0, lineAt) + lines.slice(lineAt + line.length);
    sameWidths = false;
  }
  sameWidths ||= isTight(lines);
  // A manifest that is gone from under its name, or one that an index lists and that has come.
  if ([...blobs.gone, ...blobs.come].some((name) => rows.includes(name))) return undefined;
  let passing = false;
  for (const { image, ...read } of await readAll(settings, imagesOf(entries.come), rows)) {
    const row = rowOf(image);
    if (row === undefined) return undefined;
    passing ||= read.passing;
    rows = withLine(rows, `${row}\n`, 3, image.created);
    const line = lineIn(header, image);
    sameWidths &&= line !== undefined;
    if (line !== undefined) lines = header + withLine(lines.slice(header.length), line, 1, image.created);
  }
  return { rows, lines: sameWidths ? lines : linesOf(imagesIn(rows)), passing };
}

/** Where the first line begins that begins so. */
function startOf(text: string, line: string): number {
  return text.startsWith(line) ? 0 : text.indexOf(`\n${line}`) + 1 || -1;
}

/**
 * With one line more, behind all that are as new or newer.
 *
 * @param field which one of a line says when its image was made
 */
function withLine(text: string, line: string, field: number, created: number): string {
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = Math.max(low, text.lastIndexOf('\n', Math.floor((low + high) / 2) - 1) + 1);
    const next = text.indexOf('\n', middle) + 1;
    if (Number(text.slice(middle, next).split('\t', field + 1)[field]) >= Math.floor(created)) low = next;
    else high = middle;
  }
  return text.slice(0, low) + line + text.slice(low);
}

/** What is new. Of one that is there under another name, nothing need be read. */
async function readAll(
  settings: Settings,
  entries: readonly NamedEntry[],
  rows: string,
): Promise<{ image: KeptImage; passing: boolean }[]> {
  let store: Promise<Store> | undefined;
  return Promise.all(
    entries.map(async (entry) => {
      const { reference, descriptor } = entry;
      const known = descriptor.platform ? undefined : imageOf(rows, descriptor.digest);
      if (known) return { image: { ...known, reference }, passing: false };
      const { readImage } = await import('./read-images.ts');
      store ??= openStore(settings);
      return readImage(await store, entry);
    }),
  );
}

function imageOf(rows: string, digest: string): KeptImage | undefined {
  const at = rows.indexOf(`\t${digest}\t`);
  if (at < 0) return undefined;
  const [image] = imagesIn(rows.slice(rows.lastIndexOf('\n', at) + 1, rows.indexOf('\n', at) + 1));
  // It may stand there as a part of another one; and a row that says a platform of its own is not for all.
  return image?.digest === digest && image.manifest !== '' ? image : undefined;
}

/** As `Store.entries` has them: what is attached to an image is none. */
function imagesOf(entries: readonly Descriptor[]): NamedEntry[] {
  return entries
    .filter((entry) => entry.annotations?.[SUBJECT] === undefined)
    .map((descriptor) => ({
      reference: descriptor.annotations?.[REF_NAME] ?? descriptor.digest,
      descriptor,
    }));
}

function linesOfNames(names: readonly string[]): string {
  return names.length === 0 ? '' : `${names.join('\n')}\n`;
}

async function namesIn(dir: string): Promise<string | undefined> {
  const names = await readdir(join(dir, 'blobs/sha256')).catch(() => undefined);
  return names && linesOfNames(names.sort());
}

function textOf(dir: string): string | undefined {
  try {
    return readFileSync(join(dir, 'index.json'), 'utf8');
  } catch {
    return undefined; // none, or who opens the store says why not
  }
}

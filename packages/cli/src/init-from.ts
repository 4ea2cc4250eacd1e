import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CliError, usageError } from './errors.ts';
import { writeWhole } from './fs-errors.ts';
import { openStore } from './images.ts';
import { notInProc } from './not-in-proc.ts';
import { out } from './output/out.ts';
import type { Settings } from './settings.ts';

/** `skep init --from IMAGE [FOLDER]`: the sources that an image carries, in a folder called as the probe. */
export async function initFrom(
  reference: string,
  folder: string | undefined,
  force: boolean,
  settings: Settings,
): Promise<void> {
  const { readExtras, unpackImage } = await import('@skep/probe');
  const { filesInTar } = await import('@skep/oci/tar');
  const store = await openStore(settings);
  if (!(await store.resolve(reference))) {
    const { pullImage } = await import('./pull-image.ts');
    await pullImage(reference, settings);
  }
  const stored = (await store.resolve(reference))!;
  const image = await unpackImage(store, stored);
  const [layer] = await readExtras(store, stored, 'source');
  if (!layer) {
    throw new CliError(
      'SKEP_NOT_FOUND',
      `${stored.reference} carries no sources`,
      image.source ? `They are at ${image.source}.` : 'Its maker can pack them: skep build --embed-sources.',
    );
  }
  const files = await filesInTar(layer.bytes, 'refuse');
  // The title comes from elsewhere, and must not lead out of this folder.
  const target = folder ?? (/^[a-z0-9][\w.-]*$/.test(image.title ?? '') ? image.title! : 'probe');
  if (!force && (await isFilled(target)))
    throw usageError(`${target} is there and not empty`, 'Name another folder, or write over it: --force.');
  notInProc(target, 'no folder', 'Name one on a disk.');
  for (const { name, bytes } of files) {
    const path = join(target, name);
    await mkdir(dirname(path), { recursive: true });
    await writeWhole(path, bytes);
  }
  await out(files.map(({ name }) => `${join(target, name)}\n`).join(''));
}

async function isFilled(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length > 0;
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return false;
    if ((e as NodeJS.ErrnoException).code === 'ENOTDIR') return true;
    throw Object.assign(e as Error, { path: folder });
  }
}

import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Store, StoredImage } from '@skep/oci';
import { CliError } from './errors.ts';
import { notInProc } from './not-in-proc.ts';
import type { Settings } from './settings.ts';

/** The local store, made if it is not there yet. */
export async function openStore(settings: Settings): Promise<Store> {
  notInProc(settings.storage, 'no store', 'Name a folder on a disk with --storage.');
  const { Store } = await import('@skep/oci');
  return Store.open(settings.storage);
}

/** The image of a name, or an error that says which names there are. */
export async function findImage(store: Store, reference: string): Promise<StoredImage> {
  return (await store.resolve(reference)) ?? noImage(store, reference);
}

/** Throws SKEP_NOT_FOUND, with what there is instead. */
export async function noImage(store: Store, reference: string): Promise<never> {
  const names = store.entries().map((i) => i.reference);
  const near = names.filter((name) => name.includes(reference.split(/[:@]/, 1)[0]!));
  const shown = (near.length > 0 ? near : names).slice(0, 5);
  const { isInstance } = await import('./instances/folder.ts');
  if (isInstance(reference))
    throw new CliError(
      'SKEP_NOT_FOUND',
      `no image "${reference}" in the local store, but an instance`,
      `skep ps -a --filter name=${reference}, skep logs ${reference} and skep stats ${reference} show it.`,
    );
  throw new CliError(
    'SKEP_NOT_FOUND',
    `no image "${reference}" in the local store`,
    shown.length > 0
      ? `There ${shown.length === 1 ? 'is' : 'are'} ${shown.join(', ')}. skep pull HOST/NAME brings one from a registry.`
      : 'The store is empty: skep build FILE.c NAME makes an image, skep pull HOST/NAME brings one.',
  );
}

/** When an image was made; for one that does not say (its digest would change with it), when it came here. */
export function createdAt(store: Store, image: StoredImage): Date | undefined {
  if (image.created) return image.created;
  const blob = join(store.dir, 'blobs', image.descriptor.digest.replace(':', '/'));
  return statSync(blob, { throwIfNoEntry: false })?.mtime;
}

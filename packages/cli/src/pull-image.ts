import { parseReference, pull } from '@skep/oci';
import { noImage, openStore } from './images.ts';
import { note } from './output/out.ts';
import type { Settings } from './settings.ts';
import { transfer } from './transfer.ts';

/** Fetches an image that another command wants, and says so; throws SKEP_NOT_FOUND for a name without a registry. */
export async function pullImage(reference: string, settings: Settings, platform?: string): Promise<void> {
  const store = await openStore(settings);
  // A short name means the local store: there is nowhere to fetch it from.
  if (parseReference(reference).registry === undefined) await noImage(store, reference);
  note(`pulling ${reference}`);
  await transfer(`pulling ${reference}`, settings, false, (o) => pull(store, reference, { ...o, platform }));
}

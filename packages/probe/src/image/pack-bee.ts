import { type Manifest, machinePlatform, type Platform, parsePlatform, type Store } from '@skep/oci';
import { ProbeError } from '../errors.ts';
import { BEE_TEXTS, CONFIG_TITLE, CONFIG_TYPE, PROGRAM_TITLE, PROGRAM_TYPE, TITLE } from './layout.ts';
import { annotationsOf } from './texts.ts';
import type { ProbeImage } from './types.ts';

/**
 * Stores what bee would, and gives back the manifest that bee would write: no media type in it, no platform, authors and
 * description as its only texts.
 *
 * @throws {ProbeError} `SKEP_IMAGE_FORMAT` for what has no place there
 */
export async function packBee(
  store: Store,
  img: ProbeImage,
): Promise<{ bytes: Uint8Array; platform: Platform }> {
  checkFitsBee(img);
  const config = await store.putBlob(Buffer.from('{}'), CONFIG_TYPE);
  const object = await store.putBlob(img.objects[0]!.bytes, PROGRAM_TYPE);
  const annotations = annotationsOf(img, BEE_TEXTS);
  const manifest: Manifest = {
    schemaVersion: 2,
    config: { ...config, annotations: { [TITLE]: CONFIG_TITLE } },
    layers: [{ ...object, annotations: { [TITLE]: PROGRAM_TITLE } }],
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
  const platform = img.platform === undefined ? machinePlatform() : parsePlatform(img.platform);
  return { bytes: Buffer.from(JSON.stringify(manifest)), platform };
}

function checkFitsBee(img: ProbeImage): void {
  const noPlace = (what: string, instead: string): ProbeError =>
    new ProbeError('SKEP_IMAGE_FORMAT', `An image in bee's format has no place for ${what}.`, {
      hint: `Leave out --format bee, or ${instead}.`,
    });
  if (img.kernelTypes?.length) throw noPlace('kernel types', '--btf');
  if (img.attach?.length) throw noPlace('attach', 'name the hooks in the sections');
  if (img.params?.length) throw noPlace('params', 'give the parameters these defaults in the source');
  if (img.show?.length) throw noPlace('show', 'give the maps their prefixes in the source');
  if (img.extras?.length) throw noPlace(`a ${img.extras[0]!.kind} layer`, 'build the file alone');
  if (img.objects.length === 1) return;
  throw new ProbeError(
    'SKEP_IMAGE_FORMAT',
    `An image in bee's format holds one object, and this one has ${img.objects.length}.`,
    { hint: 'Leave out --format bee, or build the sources one by one.' },
  );
}

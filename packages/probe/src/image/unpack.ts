import type { Store, StoredImage } from '@skep/oci';
import { ProbeError } from '../errors.ts';
import {
  FOREIGN_TYPES,
  GADGET_CONFIG,
  GADGET_OBJECT,
  IMAGE_CONFIG_TYPE,
  OBJECT_TYPE,
  PROGRAM_TITLE,
  TAR_LAYER,
} from './layout.ts';
import type { ProbeImage } from './types.ts';
import { isBeeImage, unpackBee } from './unpack-bee.ts';
import { unpackOwn } from './unpack-own.ts';

/**
 * Reads a probe out of a stored image, ours (also of the time before there was a config), bee's, Inspektor Gadget's or
 * bpfman's, and checks that each object is one. Optional layers stay where they are: {@link readExtras}.
 *
 * @throws {ProbeError} `SKEP_IMAGE_UNSUPPORTED` when it holds no object, saying what it is; `SKEP_IMAGE_INVALID` when
 * what it holds is no probe
 * @throws {OciError} `SKEP_STORE_CORRUPT` when a blob is missing or has another digest
 */
export async function unpackImage(store: Store, image: StoredImage): Promise<ProbeImage> {
  if (image.damaged) throw image.damaged;
  if (image.manifest.config.mediaType === IMAGE_CONFIG_TYPE) return unpackOwn(store, image);
  if (isBeeImage(image)) return unpackBee(store, image);
  const { config, layers } = image.manifest;
  if (config.mediaType === GADGET_CONFIG || layers.some((l) => l.mediaType === GADGET_OBJECT))
    return (await import('../foreign/index.ts')).unpackGadget(store, image);
  if (layers.some((l) => TAR_LAYER.test(l.mediaType))) {
    const found = await (await import('../foreign/index.ts')).unpackBpfman(store, image);
    if (found) return found;
  }
  throw unsupported(image);
}

function unsupported(image: StoredImage): ProbeError {
  const types = [...new Set([image.manifest.config, ...image.manifest.layers].map((d) => d.mediaType))];
  const what = types.map((t) => FOREIGN_TYPES.get(t)).find((known) => known !== undefined);
  const has = types.map((t) => JSON.stringify(t)).join(', ');
  return new ProbeError(
    'SKEP_IMAGE_UNSUPPORTED',
    `The image ${image.reference} is no probe${what ? ` but ${what}` : ''}: it holds ${has}.`,
    {
      hint: `skep reads images with layers of type ${OBJECT_TYPE} (docs/image-spec.md), bee's, with one titled ${PROGRAM_TITLE}, Inspektor Gadget's and bpfman's.`,
    },
  );
}

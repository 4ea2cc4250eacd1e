import { BpfError } from '@skep/bpf';
import { type Descriptor, formatPlatform, type Store, type StoredImage } from '@skep/oci';
import { describeObject } from '../describe/describe.ts';
import { ProbeError } from '../errors.ts';
import { BTF_TYPE, KERNEL_ARCHITECTURE, KERNEL_RELEASE, MAX_OBJECT_BYTES, TITLE } from './layout.ts';
import { objectInLayer } from './object-layer.ts';
import type { KernelTypes, ProbeImage } from './types.ts';

const AGAIN = 'Build or pull it again; if it comes from elsewhere, tell its maker.';

/** An object out of its layer, of which it has been made sure that it is one. */
export async function readObject(
  store: Store,
  image: StoredImage,
  layer: Descriptor,
  name: string,
): Promise<ProbeImage['objects'][number]> {
  const stored = await readLayer(store, image, layer, `object ${name}`);
  let bytes: Uint8Array;
  try {
    bytes = objectInLayer(layer.mediaType, stored);
  } catch (e) {
    throw invalid(image, `its object ${name} cannot be unpacked: ${(e as Error).message}`);
  }
  return checkedObject(image, name, bytes);
}

/**
 * The bytes of an object, which may come out of anything, after a change.
 *
 * @throws {ProbeError} `SKEP_IMAGE_INVALID` when they are none
 */
export function checkedObject(
  image: StoredImage,
  name: string,
  stored: Uint8Array,
  change = (bytes: Uint8Array): Uint8Array => bytes,
): ProbeImage['objects'][number] {
  let bytes: Uint8Array;
  try {
    bytes = change(stored);
    describeObject(bytes, name);
  } catch (error) {
    if (!(error instanceof BpfError) && !(error instanceof ProbeError)) throw error;
    throw invalid(image, `its object ${name} is no probe. ${error.message}`, error);
  }
  return { name, bytes };
}

/** A layer that is not absurdly large. */
export async function readLayer(
  store: Store,
  image: StoredImage,
  layer: Descriptor,
  what: string,
): Promise<Uint8Array> {
  if (layer.size > MAX_OBJECT_BYTES)
    throw invalid(image, `its ${what} has ${layer.size} bytes, more than the 64 MiB allowed`);
  return store.readBlob(layer.digest);
}

/** The minimal BTF that an image of ours carries. */
export async function readKernelTypes(
  store: Store,
  image: StoredImage,
): Promise<Pick<ProbeImage, 'kernelTypes'>> {
  const kernelTypes: KernelTypes[] = [];
  for (const layer of image.manifest.layers) {
    const release = layer.annotations?.[KERNEL_RELEASE];
    const architecture = layer.annotations?.[KERNEL_ARCHITECTURE];
    if (layer.mediaType !== BTF_TYPE || release === undefined || layer.size > MAX_OBJECT_BYTES) continue;
    if (architecture !== 'x86_64' && architecture !== 'arm64') continue;
    kernelTypes.push({ release, architecture, bytes: await store.readBlob(layer.digest) });
  }
  return kernelTypes.length > 0 ? { kernelTypes } : {};
}

export function titleOf(layer: Descriptor): string | undefined {
  return layer.annotations?.[TITLE];
}

/** Of the entry of an index: bee keeps it nowhere else, and writes it as uname does. */
export function platformOf(image: StoredImage): string | undefined {
  const platform = image.manifestDescriptor.platform ?? image.descriptor.platform;
  if (!platform) return undefined;
  const machine: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64' };
  const architecture = machine[platform.architecture] ?? platform.architecture;
  return formatPlatform({ ...platform, os: platform.os.toLowerCase(), architecture });
}

/** SKEP_IMAGE_INVALID, with the image's name. */
export function invalid(image: StoredImage, why: string, cause?: BpfError | ProbeError): ProbeError {
  const message = `The image ${image.reference} cannot be used: ${why.replace(/\.$/, '')}.`;
  return new ProbeError('SKEP_IMAGE_INVALID', message, { hint: cause?.hint ?? AGAIN, cause });
}

import { BpfError } from '@skep/bpf';
import { type Descriptor, formatPlatform, type Store, type StoredImage } from '@skep/oci';
import { describeObject } from '../describe/describe.ts';
import { ProbeError } from '../errors.ts';
import {
  ATTACH,
  BTF_TYPE,
  FOREIGN_TYPES,
  KERNEL_ARCHITECTURE,
  KERNEL_RELEASE,
  MAX_OBJECT_BYTES,
  OBJECT_NAME,
  PARAMS,
  PLATFORM,
  PROGRAM_TITLE,
  PROGRAM_TYPE,
  TEXTS,
  TITLE,
} from './layout.ts';
import { isFileName } from './names.ts';
import type { KernelTypes, ProbeImage } from './types.ts';

const AGAIN = 'Build or pull it again; if it comes from elsewhere, tell its maker.';

/**
 * Reads a probe out of a stored image, ours or bee's, and checks that each object is one.
 *
 * A layer counts as an object when it is titled `program.o` (as bee looks for it), or else by its media type.
 *
 * @throws {ProbeError} `SKEP_IMAGE_UNSUPPORTED` when it holds no object, saying what it is; `SKEP_IMAGE_INVALID` when
 * what it holds is no probe
 * @throws {OciError} `SKEP_STORE_CORRUPT` when a blob is missing or has another digest
 */
export async function unpackImage(store: Store, image: StoredImage): Promise<ProbeImage> {
  if (image.damaged) throw image.damaged;
  const layers = image.manifest.layers.filter(isObjectLayer);
  if (layers.length === 0) throw unsupported(image);
  const names = layers.map((layer, i) => nameOf(layer, i));
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) throw invalid(image, `two of its objects are called ${repeated}`);
  const objects: ProbeImage['objects'] = [];
  for (const [i, layer] of layers.entries()) objects.push(await readObject(store, image, layer, names[i]!));
  const kernelTypes: KernelTypes[] = [];
  for (const layer of image.manifest.layers) {
    const release = layer.annotations?.[KERNEL_RELEASE];
    const architecture = layer.annotations?.[KERNEL_ARCHITECTURE];
    if (layer.mediaType !== BTF_TYPE || release === undefined || layer.size > MAX_OBJECT_BYTES) continue;
    if (architecture !== 'x86_64' && architecture !== 'arm64') continue;
    kernelTypes.push({ release, architecture, bytes: await store.readBlob(layer.digest) });
  }
  const annotations = image.manifest.annotations ?? {};
  const attach = listIn(image, ATTACH);
  const params = listIn(image, PARAMS);
  return {
    name: image.reference,
    objects,
    ...(kernelTypes.length > 0 ? { kernelTypes } : {}),
    ...textsOf(annotations),
    ...(attach && { attach }),
    ...(params && { params }),
    platform: annotations[PLATFORM] ?? platformOf(image),
    created: image.created,
  };
}

function textsOf(annotations: Readonly<Record<string, string>>): Pick<ProbeImage, keyof typeof TEXTS> {
  return Object.fromEntries(Object.entries(TEXTS).map(([key, name]) => [key, annotations[name]]));
}

/** What is wrong with a single one is said when the image runs, where a flag can replace it. */
function listIn(image: StoredImage, annotation: string): string[] | undefined {
  const text = image.manifest.annotations?.[annotation];
  if (text === undefined) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every((one) => typeof one === 'string')) return list;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalid(image, `its annotation ${annotation} is no JSON list of texts`);
}

function titleOf(layer: Descriptor): string | undefined {
  return layer.annotations?.[TITLE];
}

function isObjectLayer(layer: Descriptor): boolean {
  return titleOf(layer) === PROGRAM_TITLE || layer.mediaType === PROGRAM_TYPE;
}

/** Names become file names and map owners further on, so one that is no plain file name is not taken over. */
function nameOf(layer: Descriptor, index: number): string {
  const name = layer.annotations?.[OBJECT_NAME] ?? titleOf(layer);
  if (name !== undefined && isFileName(name)) return name;
  return index === 0 ? PROGRAM_TITLE : `program-${index}.o`;
}

async function readObject(
  store: Store,
  image: StoredImage,
  layer: Descriptor,
  name: string,
): Promise<ProbeImage['objects'][number]> {
  if (layer.size > MAX_OBJECT_BYTES) {
    throw invalid(image, `its object ${name} has ${layer.size} bytes, more than the 64 MiB allowed`);
  }
  const bytes = await store.readBlob(layer.digest);
  try {
    describeObject(bytes, name);
  } catch (error) {
    if (!(error instanceof BpfError) && !(error instanceof ProbeError)) throw error;
    throw invalid(image, `its object ${name} is no probe. ${error.message}`, error);
  }
  return { name, bytes };
}

function invalid(image: StoredImage, why: string, cause?: BpfError | ProbeError): ProbeError {
  const message = `The image ${image.reference} cannot be used: ${why.replace(/\.$/, '')}.`;
  return new ProbeError('SKEP_IMAGE_INVALID', message, { hint: cause?.hint ?? AGAIN, cause });
}

function unsupported(image: StoredImage): ProbeError {
  const types = [...new Set([image.manifest.config, ...image.manifest.layers].map((d) => d.mediaType))];
  const what = types.map((t) => FOREIGN_TYPES.get(t)).find((known) => known !== undefined);
  const has = types.map((t) => JSON.stringify(t)).join(', ');
  return new ProbeError(
    'SKEP_IMAGE_UNSUPPORTED',
    `The image ${image.reference} is no probe${what ? ` but ${what}` : ''}: it holds ${has}.`,
    {
      hint: `skep reads images with a layer titled ${PROGRAM_TITLE} or of type ${PROGRAM_TYPE}, as skep and bee write them.`,
    },
  );
}

/** Of the entry in index.json: bee keeps it nowhere else, and writes it as uname does. */
function platformOf(image: StoredImage): string | undefined {
  const platform = image.manifestDescriptor.platform ?? image.descriptor.platform;
  if (!platform) return undefined;
  const machine: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64' };
  const architecture = machine[platform.architecture] ?? platform.architecture;
  return formatPlatform({ ...platform, os: platform.os.toLowerCase(), architecture });
}

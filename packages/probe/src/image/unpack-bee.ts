import type { Descriptor, Store, StoredImage } from '@skep/oci';
import { ATTACH, OBJECT_NAME, PARAMS, PLATFORM, PROGRAM_TITLE, PROGRAM_TYPE, TEXTS } from './layout.ts';
import { isFileName } from './names.ts';
import { invalid, platformOf, readKernelTypes, readObject, titleOf } from './read-layers.ts';
import type { ProbeImage } from './types.ts';

/** Whether an image has bee's layout. A layer is an object when it is titled `program.o`, or else by its media type. */
export function isBeeImage(image: StoredImage): boolean {
  return image.manifest.layers.some(isObjectLayer);
}

/** Reads bee's layout, and what skep put into it before it had its own. */
export async function unpackBee(store: Store, image: StoredImage): Promise<ProbeImage> {
  const layers = image.manifest.layers.filter(isObjectLayer);
  const names = layers.map((layer, i) => nameOf(layer, i));
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) throw invalid(image, `two of its objects are called ${repeated}`);
  const objects: ProbeImage['objects'] = [];
  for (const [i, layer] of layers.entries()) objects.push(await readObject(store, image, layer, names[i]!));
  const annotations = image.manifest.annotations ?? {};
  const attach = listIn(image, ATTACH);
  const params = listIn(image, PARAMS);
  return {
    name: image.reference,
    objects,
    ...(await readKernelTypes(store, image)),
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

function isObjectLayer(layer: Descriptor): boolean {
  return titleOf(layer) === PROGRAM_TITLE || layer.mediaType === PROGRAM_TYPE;
}

/** Names become file names and map owners further on, so one that is no plain file name is not taken over. */
function nameOf(layer: Descriptor, index: number): string {
  const name = layer.annotations?.[OBJECT_NAME] ?? titleOf(layer);
  if (name !== undefined && isFileName(name)) return name;
  return index === 0 ? PROGRAM_TITLE : `program-${index}.o`;
}

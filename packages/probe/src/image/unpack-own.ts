import { formatPlatform, parsePlatform, type Store, type StoredImage } from '@skep/oci';
import { isFileName } from './names.ts';
import { isObjectType } from './object-layer.ts';
import { parseConfig } from './parse-config.ts';
import { invalid, readKernelTypes, readLayer, readObject, titleOf } from './read-layers.ts';
import type { ProbeImage } from './types.ts';

/** Reads an image as docs/image-spec.md describes it. */
export async function unpackOwn(store: Store, image: StoredImage): Promise<ProbeImage> {
  const config = parseConfig(await readLayer(store, image, image.manifest.config, 'config'), image);
  const layers = image.manifest.layers.filter((l) => isObjectType(l.mediaType));
  if (layers.length === 0) throw invalid(image, 'it has no object');
  const objects: ProbeImage['objects'] = [];
  for (const [i, layer] of layers.entries()) {
    const name = titleOf(layer);
    if (name === undefined || !isFileName(name)) throw invalid(image, `object ${i + 1} has no plain name`);
    if (objects.some((o) => o.name === name)) throw invalid(image, `two of its objects are called ${name}`);
    if (config.objects[i]?.digest !== layer.digest || config.objects[i]?.name !== name)
      throw invalid(image, `its config speaks of other objects than its layers hold, beginning with ${name}`);
    objects.push(await readObject(store, image, layer, name));
  }
  if (config.objects.length > layers.length)
    throw invalid(
      image,
      `its config speaks of ${config.objects.length} objects, and it has ${layers.length}`,
    );
  const { attach, defaults: params, show, skepHeader } = config;
  return {
    name: image.reference,
    objects,
    ...(await readKernelTypes(store, image)),
    title: config.name,
    version: config.version,
    description: config.description,
    authors: config.authors,
    licenses: config.license,
    source: config.source,
    ...(attach && { attach }),
    ...(params && { params }),
    ...(show && { show }),
    ...(skepHeader !== undefined && { skepHeader }),
    platform: formatPlatform(parsePlatform(`${config.os}/${config.architecture}`)),
    created: image.created,
  };
}

import type { StoredImage } from '@skep/oci';
import { IMAGE_CONFIG_TYPE } from './layout.ts';
import { parseConfig } from './parse-config.ts';

/**
 * The names of an image's programs as its config says, for lists: a fraction of the work of reading its objects. What is
 * there to be run is for {@link unpackImage} to say.
 *
 * @param bytes of the config
 * @returns nothing for an image of another layout, or when the config does not say it
 * @throws {ProbeError} `SKEP_IMAGE_INVALID`, `SKEP_IMAGE_UNSUPPORTED`
 */
export function programsInConfig(bytes: Uint8Array, image: StoredImage): string[] | undefined {
  if (image.manifest.config.mediaType !== IMAGE_CONFIG_TYPE) return undefined;
  const names: string[] = [];
  for (const object of parseConfig(bytes, image).objects) {
    const { programs } = object as { programs?: unknown };
    if (!Array.isArray(programs)) return undefined;
    for (const program of programs as { name?: unknown }[]) {
      if (typeof program?.name !== 'string' || !/^\w{1,128}$/.test(program.name)) return undefined;
      names.push(program.name);
    }
  }
  return names;
}

import { ProbeError } from '../errors.ts';
import type { ProbeImage } from './types.ts';

/** A plain file name: other tools write layers to files of that name, and must stay in their folder. */
export function isFileName(name: string): boolean {
  return /^[\w+-][\w.+-]{0,127}$/.test(name);
}

/**
 * Checks that an image has objects, with different names that are plain file names.
 *
 * @throws {ProbeError} `SKEP_IMAGE_INVALID`
 */
export function checkObjectNames(img: ProbeImage): void {
  if (img.objects.length === 0) {
    throw new ProbeError('SKEP_IMAGE_INVALID', `The image ${img.name} has no object.`, {
      hint: 'Name at least one source or object file.',
    });
  }
  checkLayerNames(
    img.name,
    img.objects.map((o) => o.name),
  );
}

/** The same for the titles of all layers. @throws {ProbeError} `SKEP_IMAGE_INVALID` */
export function checkLayerNames(image: string, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (!isFileName(name)) {
      throw new ProbeError('SKEP_IMAGE_INVALID', `"${name}" cannot name a layer.`, {
        hint: 'Use letters, digits, "_", "-", "+" and ".".',
      });
    }
    if (seen.has(name)) {
      throw new ProbeError('SKEP_IMAGE_INVALID', `Two layers of ${image} are called ${name}.`, {
        hint: 'Rename one of the files.',
      });
    }
    seen.add(name);
  }
}

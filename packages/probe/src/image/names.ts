import { ProbeError } from '../errors.ts';
import { PROGRAM_TITLE } from './layout.ts';
import type { ProbeImage } from './types.ts';

/** A plain file name: other tools write layers to files of that name, and must stay in their folder. */
export function isFileName(name: string): boolean {
  return /^[\w+-][\w.+-]{0,127}$/.test(name);
}

/**
 * Checks that an image has objects, with different names that are plain file names. Only the first may be called
 * `program.o`, the title that every image's first layer has.
 *
 * @throws {ProbeError} `SKEP_IMAGE_INVALID`
 */
export function checkObjectNames(img: ProbeImage): void {
  const fail = (message: string, hint: string): never => {
    throw new ProbeError('SKEP_IMAGE_INVALID', message, { hint });
  };
  if (img.objects.length === 0)
    fail(`The image ${img.name} has no object.`, 'Name at least one source or object file.');
  const seen = new Set<string>();
  for (const [i, { name }] of img.objects.entries()) {
    if (!isFileName(name))
      fail(`"${name}" cannot name an object.`, 'Use letters, digits, "_", "-", "+" and ".".');
    if (seen.has(name)) fail(`Two objects of ${img.name} are called ${name}.`, 'Rename one of the files.');
    if (i > 0 && name === PROGRAM_TITLE)
      fail(`Only the first object can be called ${name}.`, 'Rename the file, or name it first.');
    seen.add(name);
  }
}

import { CREATED } from '@skep/oci';
import { ProbeError } from '../errors.ts';
import type { TEXTS } from './layout.ts';
import type { ProbeImage } from './types.ts';

/** The texts of an image as annotations, in the order of their names, as Go writes a map and so bee does. */
export function annotationsOf(img: ProbeImage, texts: Partial<typeof TEXTS>): Record<string, string> {
  const found = Object.entries(texts).map(([key, name]) => [name, img[key as keyof typeof TEXTS]]);
  found.push([CREATED, createdText(img)]);
  return Object.fromEntries(found.filter(([, text]) => text).sort());
}

/** When the image was made, if that is to be said: `2026-01-02T03:04:05Z`. */
export function createdText(img: ProbeImage): string | undefined {
  return (img.created ?? sourceDate())?.toISOString().replace('.000Z', 'Z');
}

/** https://reproducible-builds.org/specs/source-date-epoch/ */
function sourceDate(): Date | undefined {
  const epoch = process.env.SOURCE_DATE_EPOCH;
  if (epoch === undefined || epoch === '') return undefined;
  if (/^\d{1,11}$/.test(epoch)) return new Date(Number(epoch) * 1000);
  throw new ProbeError('SKEP_IMAGE_INVALID', `SOURCE_DATE_EPOCH is "${epoch}", which is no time.`, {
    hint: 'Set it to seconds since 1970, or leave it out.',
  });
}

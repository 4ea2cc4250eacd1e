import { Buffer } from 'node:buffer';

/**
 * The rules of probes/l7/http1-path.h for a path's segments, which the kernel applies as it hashes: what is a parameter there is one
 * here, or texts of one fingerprint would get different routes.
 */

const PRIME = 0x100000001b3n;
const PARAMETER = 0x9e3779b97f4a7c15n;
const MASK = 0xffff_ffff_ffff_ffffn;

/** Whether a segment (latin1) is a parameter rather than a name: numbers, UUIDs, hashes, long words with digits. */
export function isParameter(segment: string): boolean {
  const { length } = segment;
  if (/^[0-9]+$/.test(segment)) return true;
  if (!/[0-9]/.test(segment)) return false;
  if (/^[0-9A-Fa-f-]+$/.test(segment)) {
    const dashes = segment.split('-').length - 1;
    if (length === 36 && dashes === 4) return true;
    if (dashes === 0 && length >= 16) return true;
  }
  return length >= 24;
}

/** What a path's hash begins with: for a service's number as the kernel saw it. */
export function seedOf(service: number): bigint {
  return (BigInt(service >>> 0) * PARAMETER) & MASK;
}

/** What the kernel takes a segment for: its text, or that it is a parameter (rule or learned). */
export type Hashed = { readonly text: string } | 'parameter';

/** The path's hash after one more segment; `http1_end_segment()`. */
export function hashSegment(path: bigint, segment: Hashed): bigint {
  const word = segment === 'parameter' ? PARAMETER : hashWord(segment.text);
  const mixed = ((path ^ word) * PRIME) & MASK;
  return mixed ^ (mixed >> 29n);
}

function hashWord(text: string): bigint {
  let word = 0n;
  for (const byte of Buffer.from(text, 'latin1')) word = ((word ^ BigInt(byte)) * PRIME) & MASK;
  return word;
}

/**
 * The segments of a path as the kernel ends them: one at each slash and one at the end, so that `/a/b` has an empty first one.
 * The text is latin1, a character a byte. A path that names its host (`http://host/a`) is none of the cases that are cut here.
 */
export function segmentsOf(path: string): string[] {
  return path.split('/');
}

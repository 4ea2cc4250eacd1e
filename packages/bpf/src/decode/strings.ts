/** Node's own slicing, which takes any Uint8Array; `Buffer.from(view)` would make an object per string. */
interface Slices {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  utf8Slice(this: Uint8Array, start: number, end: number): string;
}
const slices = Buffer.prototype as unknown as Slices;

export function latin1(u8: Uint8Array, start: number, end: number): string {
  return slices.latin1Slice.call(u8, start, end);
}

export function utf8(u8: Uint8Array, start: number, end: number): string {
  return slices.utf8Slice.call(u8, start, end);
}

/** Names of processes and files come again and again; comparing with the last one of the same hash is cheaper than a new string. */
const RECENT = 512;
const LONGEST = 32;
const recent: string[] = new Array<string>(RECENT).fill('');

/** The text in `size` bytes from `start`: up to the first NUL, bad UTF-8 as U+FFFD. */
export function readChars(u8: Uint8Array, start: number, size: number): string {
  const limit = start + size;
  let end = start;
  let hash = 0;
  let high = 0;
  for (; end < limit; end++) {
    const c = u8[end]!;
    if (c === 0) break;
    hash = (Math.imul(hash, 31) + c) | 0;
    high |= c;
  }
  if (high >= 0x80) return utf8(u8, start, end);
  const length = end - start;
  if (length === 0) return '';
  if (length > LONGEST) return latin1(u8, start, end);
  const slot = (hash ^ (hash >>> 9)) & (RECENT - 1);
  const known = recent[slot]!;
  if (known.length === length) {
    let i = 0;
    while (i < length && known.charCodeAt(i) === u8[start + i]) i++;
    if (i === length) return known;
  }
  const text = latin1(u8, start, end);
  recent[slot] = text;
  return text;
}

/**
 * Texts that stand one after another in `size` bytes, of which `count` are used, with a blank between them: the arguments
 * of a process. At least the first, whatever the count says.
 */
export function readTexts(u8: Uint8Array, start: number, size: number, count: number): string {
  const first = readChars(u8, start, size);
  let end = start + Math.min(size, Math.max(0, count));
  while (end > start && u8[end - 1] === 0) end--;
  const nul = u8.subarray(start, end).indexOf(0);
  return nul < 0 ? first : utf8(u8, start, end).replaceAll('\0', ' ');
}

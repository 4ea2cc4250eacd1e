import { readTexts, utf8 } from './strings.ts';
import type { RecordView, Value } from './types.ts';

const encoder = new TextEncoder();

/** Whether the JSON last written has bytes over 0x7f, so that it must be read back as UTF-8. */
export const written = { utf8: false };

/** A quoted JSON string of the text in `size` bytes from `start`, up to the first NUL. */
export function writeChars(out: RecordView, p: number, u8: Uint8Array, start: number, size: number): number {
  const bytes = out.u8;
  const limit = start + size;
  let at = p;
  bytes[at++] = 34;
  for (let i = start; i < limit; i++) {
    const c = u8[i]!;
    if (c === 0) break;
    if (c < 32 || c > 126 || c === 34 || c === 92) return writeEscaped(out, p, u8, start, limit);
    bytes[at++] = c;
  }
  bytes[at++] = 34;
  return at;
}

/** The same of several texts: {@link readTexts}. */
export function writeTexts(
  out: RecordView,
  p: number,
  u8: Uint8Array,
  start: number,
  size: number,
  count: number,
): number {
  return writeJson(out, p, quote(readTexts(u8, start, size, count)));
}

function writeEscaped(out: RecordView, p: number, u8: Uint8Array, start: number, limit: number): number {
  const nul = u8.subarray(start, limit).indexOf(0);
  return writeJson(out, p, quote(utf8(u8, start, nul < 0 ? limit : start + nul)));
}

/** As JSON. What a terminal takes for a command but JSON lets through is escaped as well: a process may call itself anything. */
function quote(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\u009f]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
}

/** Writes finished JSON text. There must be room for three bytes a character. */
export function writeJson(out: RecordView, p: number, json: string): number {
  const { written: size } = encoder.encodeInto(json, out.u8.subarray(p));
  if (size > json.length) written.utf8 = true;
  return p + size;
}

/** Writes bytes made beforehand, such as an enumerator's quoted name. */
export function writeBytes(out: RecordView, p: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) out.u8[p + i] = bytes[i]!;
  return p + bytes.length;
}

/** JSON of a decoded value: bigints in plain digits, which JSON.stringify refuses; NaN and infinities as null. */
export function stringify(value: Value): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(stringify).join(',')}]`;
  return `{${Object.keys(value)
    .map((k) => `${quote(k)}:${stringify(value[k]!)}`)
    .join(',')}}`;
}

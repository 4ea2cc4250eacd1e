import { eastAsianWidth } from 'get-east-asian-width';

/**
 * What the screen shows for one piece of text: code points that a terminal can be trusted with, each one
 * or two columns wide. Nothing that comes from the kernel may steer the terminal, so control characters,
 * bidirectional overrides and other invisible characters become visible escapes (`\x1b`, `\u202e`).
 */

/** First cell value that stands for a base character with combining marks instead of a code point. */
const CLUSTER_BASE = 0x110000;
const CLUSTER_LIMIT = 8192;
/** More marks than any script needs would let data paint over the lines above and below. */
const MARKS_PER_CELL = 3;

const ASCII_ONLY = /^[\x20-\x7e]*$/;
const MARK = /^[\p{Mn}\p{Me}\u1160-\u11ff]$/u;
const INVISIBLE = /^[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{RI}]$/u;
const VARIATION = /^[\ufe0e\ufe0f]$/;

let clusters: string[] = [];
let clusterIds = new Map<string, number>();
let generation = 0;

/** Changes when cluster numbers were dealt anew: cells kept from before then mean nothing. */
export function glyphGeneration(): number {
  return generation;
}

/** The text to send for a cell value. */
export function glyphText(glyph: number): string {
  return glyph < CLUSTER_BASE ? String.fromCodePoint(glyph) : (clusters[glyph - CLUSTER_BASE] ?? '?');
}

function cluster(text: string): number {
  const known = clusterIds.get(text);
  if (known !== undefined) return known;
  if (clusters.length >= CLUSTER_LIMIT) {
    clusters = [];
    clusterIds = new Map();
    generation++;
  }
  const id = CLUSTER_BASE + clusters.length;
  clusters.push(text);
  clusterIds.set(text, id);
  return id;
}

function escapeOf(code: number): string {
  if (code === 0x09) return '\\t';
  if (code === 0x0a) return '\\n';
  if (code === 0x0d) return '\\r';
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}

/**
 * Makes text safe to show: the same text, with every character that could steer the terminal or hide
 * written as an escape. With `ascii` everything outside ASCII is escaped too, but for the `µ` of `µs`.
 */
export function printable(text: string, ascii = false): string {
  if (ASCII_ONLY.test(text)) return text;
  let out = '';
  for (const char of text.normalize('NFC')) {
    const code = char.codePointAt(0)!;
    if (code >= 0x20 && code < 0x7f) out += char;
    else if (VARIATION.test(char)) continue;
    else if (ascii && char === 'µ') out += 'u';
    else if (ascii || INVISIBLE.test(char)) out += escapeOf(code);
    else out += char;
  }
  return out;
}

/** Calls `each` for every cell of text that `printable` has passed, until it returns false. */
export function eachGlyph(text: string, each: (glyph: number, width: 1 | 2) => boolean): void {
  if (ASCII_ONLY.test(text)) {
    for (let i = 0; i < text.length; i++) if (!each(text.charCodeAt(i), 1)) return;
    return;
  }
  let base = '';
  let marks = 0;
  const flush = (): boolean => {
    if (base === '') return true;
    const code = base.codePointAt(0)!;
    return each(marks > 0 ? cluster(base) : code, eastAsianWidth(code) === 2 ? 2 : 1);
  };
  for (const char of text) {
    if (MARK.test(char)) {
      if (marks++ < MARKS_PER_CELL) base = base === '' ? ` ${char}` : base + char;
      continue;
    }
    if (!flush()) return;
    base = char;
    marks = 0;
  }
  flush();
}

/** Columns that text takes on the screen. */
export function textWidth(text: string): number {
  if (ASCII_ONLY.test(text)) return text.length;
  let width = 0;
  eachGlyph(text, (_, w) => {
    width += w;
    return true;
  });
  return width;
}

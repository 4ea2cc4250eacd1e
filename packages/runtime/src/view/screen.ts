import { eachGlyph, textWidth } from './glyphs.ts';

/** A cell is a glyph in the low 21 bits and a style in the high 11; glyph 0 is the right half of a wide one. */
export const GLYPH_MASK = 0x1fffff;
export const STYLE_SHIFT = 21;
const SPACE = 0x20;

/** How far text may reach and where it sits within that. */
export interface PutOptions {
  /** Columns available; defaults to the rest of the row. */
  width?: number;
  /** `right` puts the text against the end of `width`. */
  align?: 'left' | 'right';
}

/** One frame: `width` × `height` cells, painted from scratch each time and compared with the last one. */
export class Screen {
  readonly width: number;
  readonly height: number;
  readonly cells: Uint32Array;
  /** Shown as the last character when text was cut. */
  readonly #ellipsis: number;

  constructor(width: number, height: number, ascii = false) {
    this.#ellipsis = (ascii ? '~' : '…').codePointAt(0)!;
    this.width = width;
    this.height = height;
    this.cells = new Uint32Array(width * height).fill(SPACE);
  }

  clear(): void {
    this.cells.fill(SPACE);
  }

  /** Fills `columns` cells of a row with spaces of one style. */
  fill(x: number, y: number, columns: number, style: number): void {
    if (y < 0 || y >= this.height) return;
    const from = Math.max(0, x);
    const to = Math.min(this.width, x + columns);
    if (from >= to) return;
    this.#mend(y, from, to);
    this.cells.fill(SPACE | (style << STYLE_SHIFT), y * this.width + from, y * this.width + to);
  }

  /** Half a wide glyph cannot stay: what is left of one that a write cuts through becomes a space. */
  #mend(y: number, from: number, to: number): void {
    const row = y * this.width;
    if (from > 0 && (this.cells[row + from]! & GLYPH_MASK) === 0) this.#blank(row + from - 1);
    if (to < this.width && (this.cells[row + to]! & GLYPH_MASK) === 0) this.#blank(row + to);
  }

  #blank(index: number): void {
    this.cells[index] = SPACE | (this.cells[index]! & ~GLYPH_MASK);
  }

  /** Puts printable text at a place, cut with `…` where it does not fit; returns the column after it. */
  put(x: number, y: number, text: string, style: number, options: PutOptions = {}): number {
    if (y < 0 || y >= this.height || x >= this.width) return x;
    const room = Math.min(options.width ?? this.width - x, this.width - x);
    if (room <= 0) return x;
    const needed = textWidth(text);
    const cut = needed > room;
    const limit = cut ? room - 1 : room;
    const high = style << STYLE_SHIFT;
    const row = y * this.width;
    let at = options.align === 'right' && !cut ? x + room - needed : x;
    const end = x + (cut ? limit : room);
    this.#mend(y, at, Math.min(this.width, cut ? end + 1 : at + needed));
    eachGlyph(text, (glyph, width) => {
      if (at + width > end) return false;
      this.cells[row + at] = glyph | high;
      if (width === 2) this.cells[row + at + 1] = high;
      at += width;
      return true;
    });
    if (cut) {
      while (at < end) this.cells[row + at++] = SPACE | high;
      this.cells[row + at++] = this.#ellipsis | high;
    }
    return at;
  }

  /** The text of a row, for tests and for people. */
  line(y: number): string {
    let out = '';
    for (let x = 0; x < this.width; x++) {
      const glyph = this.cells[y * this.width + x]! & GLYPH_MASK;
      if (glyph !== 0) out += String.fromCodePoint(glyph > 0x10ffff ? 0xfffd : glyph);
    }
    return out.trimEnd();
  }
}

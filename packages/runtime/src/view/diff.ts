import { glyphText } from './glyphs.ts';
import { GLYPH_MASK, type Screen, STYLE_SHIFT } from './screen.ts';

/** Rewriting a few unchanged cells is shorter than moving the cursor past them. */
const BRIDGE = 5;

/** Printed with one column by every terminal, so the cursor is known to be where we think it is. */
function plain(glyph: number): boolean {
  return (
    (glyph >= 0x20 && glyph < 0x7f) || (glyph >= 0xa1 && glyph < 0x250) || (glyph >= 0x2500 && glyph < 0x25a0)
  );
}

/**
 * The bytes that turn the terminal's screen from `before` into `after`; '' when nothing changed. Without
 * `before` the screen is cleared first. `sgr` gives each style's complete escape sequence.
 *
 * Terminals disagree about the width of emoji and of marks. Around every glyph they could disagree about,
 * both its cells are blanked first and the cursor is placed anew after it, so a wrong guess costs that
 * glyph alone and never shifts the row.
 */
export function diff(before: Screen | undefined, after: Screen, sgr: (style: number) => string): string {
  const { width, height, cells } = after;
  const old = before?.width === width && before.height === height ? before.cells : undefined;
  let out = old === undefined ? '\x1b[0m\x1b[H\x1b[2J' : '';
  let style = old === undefined ? 0 : -1;
  const blank = 0x20;
  for (let y = 0; y < height; y++) {
    const row = y * width;
    let cursor = -1;
    for (let x = 0; x < width; x++) {
      const cell = cells[row + x]!;
      if (cell === (old === undefined ? blank : old[row + x]!)) continue;
      if ((cell & GLYPH_MASK) === 0) continue;
      let from = x;
      if (cursor >= 0 && x > cursor && x - cursor <= BRIDGE && bridgeable(cells, row + cursor, row + x))
        from = cursor;
      else if (cursor !== x) out += `\x1b[${y + 1};${x + 1}H`;
      for (let i = from; i <= x; i++) {
        const one = cells[row + i]!;
        const wanted = one >>> STYLE_SHIFT;
        if (wanted !== style) {
          out += sgr(wanted);
          style = wanted;
        }
        const glyph = one & GLYPH_MASK;
        if (plain(glyph)) {
          out += glyphText(glyph);
          cursor = i + 1;
          continue;
        }
        const wide = i + 1 < width && (cells[row + i + 1]! & GLYPH_MASK) === 0;
        out += `${wide ? '  ' : ' '}\x1b[${y + 1};${i + 1}H${glyphText(glyph)}`;
        cursor = -1;
      }
    }
  }
  return out === '' || style <= 0 ? out : `${out}\x1b[0m`;
}

function bridgeable(cells: Uint32Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (!plain(cells[i]! & GLYPH_MASK)) return false;
  return true;
}

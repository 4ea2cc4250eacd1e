import { printable, textWidth } from './glyphs.ts';
import { sparkline } from './histogram.ts';
import type { Row, ViewColumn } from './model.ts';
import type { Screen } from './screen.ts';
import { STYLE } from './style.ts';
import type { Tab } from './tab.ts';

const GAP = 2;
/** Text columns are narrowed down to this before any column is left out. */
const NARROWEST = 8;
/** The first column says what a row is about. */
const FIRST_NARROWEST = 16;
const SPARK_WIDTH = 24;

/** A rectangle of the screen. */
export interface Area {
  readonly y: number;
  readonly height: number;
  readonly ascii: boolean;
}

/** A column with its place on the screen. */
interface Placed {
  readonly index: number;
  readonly column: ViewColumn;
  readonly x: number;
  readonly width: number;
}

function heading(column: ViewColumn, arrow: string): string {
  return `${printable(column.title)}${column.unit === undefined ? '' : ` (${printable(column.unit)})`}${arrow}`;
}

/** Narrows the widest text columns until the row fits, as far as that goes. */
function fit(widths: number[], columns: readonly ViewColumn[], first: number, room: number): void {
  let over = widths.reduce((sum, w) => sum + w + GAP, -GAP) - room;
  while (over > 0) {
    let widest = -1;
    columns.forEach((column, i) => {
      if (column.right || column.fixed === true) return;
      if (widths[i]! <= (i === first ? FIRST_NARROWEST : NARROWEST)) return;
      if (widest < 0 || widths[i]! > widths[widest]!) widest = i;
    });
    if (widest < 0) return;
    widths[widest]!--;
    over--;
  }
}

/** Places as many columns as fit; true in `more` when some are beyond the right edge. */
function place(tab: Tab, widths: number[], screenWidth: number): { placed: Placed[]; more: boolean } {
  const shown = tab.columns().slice(tab.firstColumn);
  const columns = shown.map((i) => tab.model.columns[i]!);
  const wanted = shown.map((i) => widths[i]!);
  fit(wanted, columns, shown.indexOf(0), screenWidth - 2);
  const placed: Placed[] = [];
  let x = 1;
  for (let i = 0; i < shown.length; i++) {
    const room = screenWidth - 1 - x;
    const width = Math.min(wanted[i]!, room);
    // Half a number is a wrong number: a column that does not fit is left out, unless it is the only one.
    if (width < wanted[i]! && placed.length > 0 && (columns[i]!.right || room < NARROWEST)) {
      return { placed: widen(placed, widths, room + GAP), more: true };
    }
    placed.push({ index: shown[i]!, column: columns[i]!, x, width });
    x += width + GAP;
  }
  return { placed, more: false };
}

/** What was narrowed in vain, since columns were left out all the same, gets what they leave free. */
function widen(placed: readonly Placed[], widths: readonly number[], free: number): Placed[] {
  let moved = 0;
  return placed.map((p) => {
    const more = Math.min(widths[p.index]! - p.width, free - moved);
    const wider = { ...p, x: p.x + moved, width: p.width + more };
    moved += more;
    return wider;
  });
}

/** Paints header, held rows and the window of rows. `tab.refresh` must have been called for this height. */
export function paintTable(screen: Screen, tab: Tab, area: Area): void {
  const { model } = tab;
  const pins = tab.pins.slice(0, pinnedRows(tab, area.height));
  const rows: Row[] = [...pins];
  const end = Math.min(model.length, tab.top + tab.visible);
  for (let i = tab.top; i < end; i++) rows.push(model.at(i));
  const shown = tab.columns();
  const texts = rows.map((row) => {
    const cells: string[] = [];
    for (const i of shown) cells[i] = printable(row.text(i), area.ascii);
    return cells;
  });
  const arrow = (i: number): string =>
    tab.query.sort !== i
      ? ''
      : area.ascii
        ? tab.query.descending
          ? 'v'
          : '^'
        : tab.query.descending
          ? '▼'
          : '▲';
  for (const i of shown) {
    const column = model.columns[i]!;
    let width = Math.max(tab.widths[i] ?? 0, textWidth(heading(column, arrow(i))));
    if (column.draw === 'spark') width = Math.max(width, SPARK_WIDTH);
    for (const cells of texts) width = Math.max(width, textWidth(cells[i]!));
    tab.widths[i] = width;
  }
  const { placed, more } = place(tab, tab.widths, screen.width);
  screen.fill(0, area.y, screen.width, STYLE.header);
  for (const { index, column, x, width } of placed) {
    const style = tab.query.sort === index ? STYLE.headerSorted : STYLE.header;
    screen.put(x, area.y, heading(column, arrow(index)), style, {
      width,
      align: column.right ? 'right' : 'left',
    });
  }
  if (tab.firstColumn > 0) screen.put(0, area.y, area.ascii ? '<' : '‹', STYLE.headerSorted);
  if (more) screen.put(screen.width - 1, area.y, area.ascii ? '>' : '›', STYLE.headerSorted);
  const selected = tab.selectedIndex;
  const held = new Set(tab.pins.map((row) => row.id));
  rows.forEach((row, line) => {
    const isPin = line < pins.length;
    const y = area.y + 1 + line + (isPin || pins.length === 0 ? 0 : 1);
    const isSelected = !isPin && tab.top + line - pins.length === selected;
    const style = isSelected ? STYLE.selected : isPin || held.has(row.id) ? STYLE.pinned : STYLE.text;
    if (isSelected) screen.fill(0, y, screen.width, style);
    if (isPin) screen.put(0, y, '*', STYLE.pinned);
    for (const { index, column, x, width } of placed) {
      const spark = column.draw === 'spark' && row.histogram !== undefined;
      if (spark) {
        const drawn = sparkline(row.histogram!, width, area.ascii);
        screen.put(x, y, drawn, isSelected ? STYLE.selected : STYLE.bar, { width });
      } else {
        const align = column.right ? 'right' : 'left';
        screen.put(x, y, texts[line]![index]!, style, { width, align });
      }
    }
  });
  if (pins.length > 0) {
    const y = area.y + 1 + pins.length;
    const rule = (area.ascii ? '-' : '─').repeat(screen.width);
    screen.put(0, y, rule, STYLE.dim);
    screen.put(2, y, ` ${tab.pins.length} held on top `, STYLE.dim);
  }
}

/** Held rows that are shown: at most half the rows. */
export function pinnedRows(tab: Tab, height: number): number {
  return Math.min(tab.pins.length, Math.max(0, Math.floor((height - 2) / 2)));
}

/** Rows that a table area of this height has for its window, below header and held rows. */
export function windowHeight(tab: Tab, height: number): number {
  const pins = pinnedRows(tab, height);
  return height - 1 - (pins > 0 ? pins + 1 : 0);
}

import { FRAME_SEPARATOR } from '../stacks/stack.ts';
import { grouped, hasScale, quantile, quantity } from './format.ts';
import { printable, textWidth } from './glyphs.ts';
import { histogramHeight, paintBars } from './histogram.ts';
import { BINDINGS } from './keys.ts';
import type { Row } from './model.ts';
import type { Screen } from './screen.ts';
import { STYLE } from './style.ts';
import type { Tab } from './tab.ts';
import type { Area } from './table.ts';

/** Breaks text at spaces into lines of `width` columns; a longer word is broken where it must. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (textWidth(joined) <= width) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (textWidth(line) > width) {
      let cut = '';
      for (const char of line) {
        if (textWidth(cut + char) > width) break;
        cut += char;
      }
      if (cut === '') break;
      lines.push(cut);
      line = line.slice(cut.length);
    }
  }
  if (line !== '') lines.push(line);
  return lines;
}

/** `comm=sh, pid=12` of the columns before a histogram's or counter's numbers. */
export function labelsOf(tab: Tab, row: Row, ascii: boolean): string {
  const labels: string[] = [];
  tab.stream.fields.forEach((field) => {
    if (field.role !== 'label') return;
    const column = tab.model.columns.findIndex((c) => c.title === field.name);
    if (column >= 0) labels.push(`${printable(field.name, ascii)}=${printable(row.text(column), ascii)}`);
  });
  return labels.join('  ');
}

/** The bars of one series with a heading; the lower part of a histogram's tab, or the whole body. */
export function paintHistogram(screen: Screen, tab: Tab, row: Row, area: Area, scroll: number): void {
  const h = row.histogram!;
  const { unit } = tab.stream;
  const measured = (value: number): string =>
    quantity(value, unit) + (unit === undefined || hasScale(unit) ? '' : ` ${printable(unit)}`);
  screen.put(0, area.y, (area.ascii ? '-' : '─').repeat(screen.width), STYLE.dim);
  const numbers = [`count ${grouped(h.count)}`];
  if (h.sum !== undefined && h.count > 0) numbers.push(`avg ${measured(h.sum / h.count)}`);
  if (h.count > 0) {
    for (const q of [50, 90, 99]) numbers.push(`p${q} ${measured(quantile(h, q / 100))}`);
  }
  const labels = labelsOf(tab, row, area.ascii);
  const summary = ` ${numbers.join('  ')} `;
  const x =
    labels === '' ? 2 : screen.put(2, area.y, ` ${labels} `, STYLE.heading, { width: screen.width - 4 }) + 1;
  screen.put(x, area.y, summary, STYLE.dim, { width: screen.width - x - 1 });
  const lines = area.height - 1;
  const more = histogramHeight(h) - scroll - lines;
  const place = { x: 2, y: area.y + 1, width: screen.width - 4, scroll, ascii: area.ascii, unit };
  paintBars(screen, h, { ...place, height: more > 0 ? lines - 1 : lines });
  if (more > 0) screen.put(2, area.y + lines, `${more + 1} more buckets: enter, arrows`, STYLE.dim);
}

/** Lines that the bars of a row want, heading included. */
export function panelHeight(row: Row): number {
  return row.histogram === undefined ? 0 : histogramHeight(row.histogram) + 1;
}

/** The rule above an overlay: what it is, and how to leave it. */
function paintRule(screen: Screen, area: Area, title: string): void {
  screen.put(0, area.y, (area.ascii ? '-' : '─').repeat(screen.width), STYLE.dim);
  screen.put(2, area.y, ` ${title} `, STYLE.heading, { width: screen.width - 4 });
  const way = ' esc closes ';
  const x = screen.width - way.length - 2;
  if (x > textWidth(title) + 6) screen.put(x, area.y, way, STYLE.dim);
}

/** One row in full, a line or more a column; returns how many lines it has. */
export function paintDetail(screen: Screen, tab: Tab, row: Row, area: Area, scroll: number): number {
  if (row.histogram !== undefined) {
    paintHistogram(screen, tab, row, area, scroll);
    return histogramHeight(row.histogram);
  }
  paintRule(screen, area, printable(tab.stream.map));
  const titles = tab.model.columns.map(
    (c) => printable(c.title) + (c.unit === undefined ? '' : ` (${printable(c.unit)})`),
  );
  const left = Math.min(Math.max(...titles.map(textWidth)), Math.floor(screen.width / 2)) + 2;
  const lines: [string, string][] = [];
  tab.columns().forEach((i) => {
    const room = Math.max(4, screen.width - left - 3);
    // A stack has a line a frame.
    const wrapped = row
      .text(i)
      .split(FRAME_SEPARATOR)
      .flatMap((text) => wrap(printable(text, area.ascii), room));
    (wrapped.length === 0 ? [''] : wrapped).forEach((text, n) => {
      lines.push([n === 0 ? titles[i]! : '', text]);
    });
  });
  lines.slice(scroll, scroll + area.height - 1).forEach(([title, text], n) => {
    screen.put(1, area.y + 1 + n, title, STYLE.dim, { width: left - 2, align: 'right' });
    screen.put(1 + left, area.y + 1 + n, text, STYLE.text, { width: screen.width - left - 2 });
  });
  return lines.length;
}

/** The key list; returns how many lines it has. */
export function paintHelp(screen: Screen, area: Area, scroll: number, notes: readonly string[]): number {
  const keys = BINDINGS.filter((b) => b.shown !== '');
  const shown = (text: string): string =>
    area.ascii ? text.replace('← →', 'left right').replace('↑ ↓', 'up down') : text;
  const left = Math.max(...keys.map((b) => textWidth(shown(b.shown)))) + 2;
  const room = Math.max(8, screen.width - left - 4);
  const lines: [string, string, number][] = [];
  for (const b of keys) {
    wrap(b.help, room).forEach((text, n) => {
      lines.push([n === 0 ? shown(b.shown) : '', text, STYLE.text]);
    });
  }
  for (const note of notes) {
    wrap(printable(note, area.ascii), room).forEach((text, n) => {
      lines.push([n === 0 ? 'note' : '', text, STYLE.dim]);
    });
  }
  paintRule(screen, area, 'Keys');
  lines.slice(scroll, scroll + area.height - 1).forEach(([key, text, style], n) => {
    screen.put(1, area.y + 1 + n, key, STYLE.bold, { width: left, align: 'right' });
    screen.put(left + 3, area.y + 1 + n, text, style, { width: screen.width - left - 4 });
  });
  return lines.length;
}

/** What stands where no row is: why, and what would bring one. */
export function paintEmpty(screen: Screen, tab: Tab, area: Area, hint: string, attaching: boolean): void {
  const filtered = tab.query.filter !== '' && tab.model.total > 0;
  const dash = area.ascii ? '-' : '–';
  const head = filtered
    ? `no row matches "${printable(tab.query.filter, area.ascii)}"`
    : `${attaching ? 'attaching' : 'waiting for events'}${hint === '' ? '' : ` ${dash} ${printable(hint, area.ascii)}`}`;
  const lines = wrap(head, Math.max(4, Math.min(72, screen.width - 4))).slice(0, area.height);
  const y = area.y + Math.max(0, Math.floor((area.height - lines.length) / 2));
  lines.forEach((line, n) => {
    screen.put(Math.max(0, Math.floor((screen.width - textWidth(line)) / 2)), y + n, line, STYLE.dim);
  });
}

import { grouped, percent, perSecond, shortNumber, uptime } from './format.ts';
import { printable, textWidth } from './glyphs.ts';
import { BINDINGS } from './keys.ts';
import type { Reading } from './meter.ts';
import type { Screen } from './screen.ts';
import type { ViewState } from './state.ts';
import { STYLE } from './style.ts';
import type { Tab } from './tab.ts';

/** Top line: the image, its hooks as far as there is room, and how long it has been running. */
export function paintTitle(screen: Screen, name: string, hooks: readonly string[], elapsedMs: number): void {
  const up = `up ${uptime(elapsedMs)}`;
  const upAt = screen.width - up.length - 1;
  const room = upAt - 2;
  if (upAt > 1) screen.put(upAt, 0, up, STYLE.titleDim);
  const x = screen.put(1, 0, printable(name), STYLE.title, { width: upAt > 1 ? room : screen.width - 1 });
  const left = upAt - 2 - (x + 2);
  if (left >= 8) screen.put(x + 2, 0, printable(hooks.join('  ')), STYLE.titleDim, { width: left });
}

/** Second line: a tab for each map, as many around the active one as fit. */
export function paintTabs(
  screen: Screen,
  y: number,
  tabs: readonly Tab[],
  active: number,
  ascii: boolean,
): void {
  if (tabs.length === 0) return;
  const several = tabs.some((tab) => tab.stream.probe !== tabs[0]!.stream.probe);
  const labels = tabs.map((tab, i) => {
    const count = tab.stream.yields === 'records' ? tab.events : tab.model.total;
    const label = `${i < 9 ? `${i + 1} ` : ''}${printable(tab.stream.map)} ${shortNumber(count)}`;
    // Of several probes each begins with its name.
    const { probe } = tab.stream;
    const first = several && (i === 0 || tabs[i - 1]!.stream.probe !== probe);
    return first ? `${printable(probe)}: ${label}` : label;
  });
  const widths = labels.map((label) => textWidth(label) + 2);
  let from = active;
  let to = active + 1;
  let used = widths[active] ?? 0;
  const room = screen.width - 4;
  for (let grown = true; grown; ) {
    grown = false;
    if (to < tabs.length && used + widths[to]! <= room) {
      used += widths[to++]!;
      grown = true;
    }
    if (from > 0 && used + widths[from - 1]! <= room) {
      used += widths[--from]!;
      grown = true;
    }
  }
  let x = 0;
  if (from > 0) x = screen.put(x, y, ascii ? '< ' : '‹ ', STYLE.tab);
  for (let i = from; i < to; i++) {
    x = screen.put(x, y, ` ${labels[i]} `, i === active ? STYLE.tabActive : STYLE.tab);
  }
  if (to < tabs.length) screen.put(x, y, ascii ? ' >' : ' ›', STYLE.tab);
  const help = tabs[active]?.stream.help;
  if (help !== undefined && screen.width - x > 20 && to === tabs.length) {
    screen.put(x + 2, y, printable(help), STYLE.dim, { width: screen.width - x - 3 });
  }
}

/** A piece of the status line. The lowest `rank` stays longest when the line is narrow. */
interface Piece {
  readonly text: string;
  readonly style: number;
  readonly rank: number;
}

function dropsPiece(r: Reading): Piece {
  if (r.lost > 0) {
    const why = r.worst === '' ? '' : ` (${printable(r.worst)})`;
    return { text: `drops ${grouped(r.lost)}${why}`, style: STYLE.bad, rank: 0 };
  }
  if (r.lossKnown) return { text: 'drops 0', style: STYLE.good, rank: 2 };
  return r.foundFull > 0
    ? { text: `drops likely (found full ${grouped(r.foundFull)}x)`, style: STYLE.bad, rank: 0 }
    : { text: 'drops not counted', style: STYLE.dim, rank: 4 };
}

/** Runs that did not happen; nothing is said where all are known and there were none. */
function missesPiece(r: Reading): Piece[] {
  if (r.missed > 0) {
    const least = r.missesKnown ? '' : '>=';
    const text = `missed ${least}${grouped(r.missed)} (${printable(r.missedMost)})`;
    return [{ text, style: STYLE.bad, rank: 0 }];
  }
  return r.missesKnown ? [] : [{ text: 'misses unknown', style: STYLE.dim, rank: 7 }];
}

/** LRU maps that may have forgotten entries: nobody knows how many. */
function evictionsPiece({ mayForget: [first, ...more] }: Reading): Piece[] {
  if (first === undefined) return [];
  const others = more.length > 0 ? ` and ${more.length} more` : '';
  return [{ text: `evictions unknown (${printable(first)}${others})`, style: STYLE.dim, rank: 5 }];
}

/** Whether OTLP reaches its receiver; nothing is said where none is sent. */
function exportPiece({ exports }: Reading): Piece[] {
  if (exports === undefined) return [];
  const { lost, failing } = exports;
  if (!failing && lost === 0) return [{ text: 'otlp ok', style: STYLE.good, rank: 7 }];
  const text = lost > 0 ? `otlp lost ${grouped(lost)}` : 'otlp fails';
  return [{ text, style: failing ? STYLE.bad : STYLE.warn, rank: 2 }];
}

/** The line that always says: events, rate, drops, cost of the probe and of skep; at the right the rows. */
export function paintStatus(screen: Screen, y: number, state: ViewState): void {
  const r = state.meter.reading;
  const left: Piece[] = [];
  if (r !== undefined) {
    left.push({ text: `${r.what} ${grouped(r.total)}`, style: STYLE.bold, rank: 1 });
    left.push({ text: `${perSecond(r.perSecond)}/s`, style: STYLE.text, rank: 3 });
    left.push(dropsPiece(r), ...evictionsPiece(r), ...missesPiece(r), ...exportPiece(r));
    if (r.decodeErrors > 0)
      left.push({ text: `unreadable ${grouped(r.decodeErrors)}`, style: STYLE.bad, rank: 3 });
    const cpu = r.probeCpu === undefined ? 'n/a' : percent(r.probeCpu);
    if (r.programs) left.push({ text: `probe ${cpu} cpu`, style: STYLE.text, rank: 5 });
    left.push({ text: `skep ${percent(r.ownCpu)} cpu`, style: STYLE.text, rank: 6 });
  }
  const right: Piece[] = [];
  const { tab } = state;
  if (tab !== undefined && tab.query.filter !== '') {
    const tested = state.testing ? (state.ascii ? '..' : '…') : '';
    const text = `"${printable(tab.query.filter)}" ${grouped(tab.model.length)}${tested} of ${grouped(tab.model.total)}`;
    right.push({ text, style: STYLE.warn, rank: 4 });
  } else if (tab !== undefined) {
    const { total } = tab.model;
    right.push({ text: `${grouped(total)} row${total === 1 ? '' : 's'}`, style: STYLE.dim, rank: 8 });
  }
  if (state.stopping) right.push({ text: 'STOPPING', style: STYLE.warn, rank: 1 });
  else if (state.attaching) right.push({ text: 'ATTACHING', style: STYLE.warn, rank: 1 });
  else if (state.paused) right.push({ text: 'PAUSED', style: STYLE.warn, rank: 1 });
  else if (tab?.following === true) right.push({ text: 'follow', style: STYLE.dim, rank: 7 });
  const all = [...left, ...right];
  const width = (): number => all.reduce((sum, piece) => sum + textWidth(piece.text) + 2, 0);
  while (all.length > 1 && width() > screen.width) {
    const least = all.reduce((a, b) => (b.rank >= a.rank ? b : a));
    all.splice(all.indexOf(least), 1);
  }
  let x = 1;
  for (const piece of left) if (all.includes(piece)) x = screen.put(x, y, piece.text, piece.style) + 2;
  let end = screen.width - 1;
  for (const piece of right.toReversed()) {
    if (!all.includes(piece)) continue;
    const from = Math.max(x, end - textWidth(piece.text));
    screen.put(from, y, piece.text, piece.style, { width: screen.width - from });
    end = from - 2;
  }
}

/** Bottom line: the keys. What does not fit is in help; the way out is always there. */
export function paintKeys(screen: Screen, y: number, ascii: boolean): void {
  const items = BINDINGS.flatMap((b) => (b.bar === undefined ? [] : [b.bar]));
  const key = (text: string): string => (ascii ? text.replace('←→', '<>') : text);
  const width = ([k, word]: readonly [string, string]): number => key(k).length + word.length + 2;
  const quit = items.pop()!;
  let left = screen.width - width(quit);
  const shown = items.filter((item) => {
    left -= width(item);
    return left >= 0;
  });
  let x = 0;
  for (const item of [...shown, quit]) {
    x = screen.put(x, y, ` ${key(item[0])} `, STYLE.key);
    x = screen.put(x, y, item[1], STYLE.keyLabel);
  }
  screen.fill(x, y, screen.width - x, STYLE.keyLabel);
}

/** Bottom line while a filter is typed. */
export function paintPrompt(screen: Screen, y: number, text: string, ascii: boolean): void {
  const typed = printable(text, ascii);
  const room = screen.width - 9 - 1;
  let shown = typed;
  while (textWidth(shown) > room && shown !== '') shown = shown.slice(1);
  let x = screen.put(0, y, ' Filter: ', STYLE.prompt);
  x = screen.put(x, y, shown, STYLE.bold);
  x = screen.put(x, y, ' ', STYLE.selected);
  const hint = 'enter keep   esc clear';
  if (screen.width - x > hint.length + 2) screen.put(screen.width - hint.length - 1, y, hint, STYLE.dim);
}

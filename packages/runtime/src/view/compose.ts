import { paintKeys, paintPrompt, paintStatus, paintTabs, paintTitle } from './chrome.ts';
import { printable } from './glyphs.ts';
import { paintDetail, paintEmpty, paintHelp, paintHistogram, panelHeight, wrap } from './panels.ts';
import type { Screen } from './screen.ts';
import type { ViewState } from './state.ts';
import { STYLE } from './style.ts';
import type { Tab } from './tab.ts';
import { type Area, paintTable, windowHeight } from './table.ts';

/** Lines that a message may take. */
const MESSAGE_LINES = 3;
/** Below this a single map needs no tab line, and several do without below the second. */
const TABS_FROM = 8;
const TABS_FROM_SEVERAL = 6;
/** A histogram's tab shows bars below its table from this height of both together. */
const PANEL_FROM = 9;

/** Paints a whole frame: title, tabs, body, messages, status, keys; on a small screen the body goes first. */
export function compose(screen: Screen, state: ViewState): void {
  const { width, height } = screen;
  const { ascii } = state;
  const reading = state.meter.reading;
  state.testing = false;
  paintTitle(screen, state.name, state.hooks, reading?.elapsedMs ?? 0);
  let top = 1;
  if (height >= (state.tabs.length > 1 ? TABS_FROM_SEVERAL : TABS_FROM)) {
    paintTabs(screen, top++, state.tabs, state.active, ascii);
  }
  const statusAt = height - 2;
  const messages = messageLines(state, width).slice(0, Math.max(0, statusAt - top - 2));
  const bodyEnd = statusAt - messages.length;
  if (bodyEnd > top) composeBody(screen, state, { y: top, height: bodyEnd - top, ascii });
  messages.forEach(({ text, style }, i) => {
    screen.fill(0, bodyEnd + i, width, style);
    screen.put(1, bodyEnd + i, text, style);
  });
  if (statusAt >= top) paintStatus(screen, statusAt, state);
  if (height < 2) return;
  if (state.prompt === undefined) paintKeys(screen, height - 1, ascii);
  else paintPrompt(screen, height - 1, state.prompt, ascii);
}

function messageLines(state: ViewState, width: number): { text: string; style: number }[] {
  const message = state.messages[0];
  if (message === undefined) return [];
  const more = state.messages.length > 1 ? ` (1 of ${state.messages.length})` : '';
  const text = `${printable(message.text, state.ascii)}${more}  [esc]`;
  const style = message.level === 'error' ? STYLE.bad : STYLE.selected;
  return wrap(text, Math.max(4, width - 2))
    .slice(0, MESSAGE_LINES)
    .map((line) => ({ text: line, style }));
}

function composeBody(screen: Screen, state: ViewState, area: Area): void {
  const { tab, overlay } = state;
  if (overlay?.kind === 'help') {
    scrolled(screen, state, area, (scroll) => paintHelp(screen, area, scroll, state.notes));
  } else if (tab === undefined) {
    const why = 'this probe has no print_, counter_, gauge_ or hist_ map';
    wrap(why, Math.max(4, screen.width - 2)).forEach((line, i) => {
      if (i < area.height) screen.put(1, area.y + i, line, STYLE.dim);
    });
  } else if (overlay?.kind === 'detail') {
    scrolled(screen, state, area, (scroll) => paintDetail(screen, tab, overlay.row, area, scroll));
  } else composeTable(screen, state, tab, area);
}

/** Paints an overlay, which says how many lines it has, and never scrolls past its last one. */
function scrolled(screen: Screen, state: ViewState, area: Area, paint: (scroll: number) => number): void {
  const lines = paint(state.overlayScroll);
  const furthest = Math.max(0, lines - (area.height - 1));
  if (state.overlayScroll <= furthest) return;
  state.overlayScroll = furthest;
  for (let y = area.y; y < area.y + area.height; y++) screen.fill(0, y, screen.width, STYLE.text);
  paint(furthest);
}

function composeTable(screen: Screen, state: ViewState, tab: Tab, area: Area): void {
  state.testing = tab.refresh(windowHeight(tab, area.height));
  const panel = barsHeight(tab, area.height);
  const height = area.height - panel;
  if (panel > 0) tab.refresh(windowHeight(tab, height));
  paintTable(screen, tab, { ...area, height });
  if (panel > 0) {
    const row = tab.model.at(tab.current!);
    paintHistogram(screen, tab, row, { ...area, y: area.y + height, height: panel }, 0);
  }
  if (tab.model.length === 0) {
    const rows = windowHeight(tab, area.height);
    const hint = state.hint ?? state.hooks.join(', ');
    const room = { ...area, y: area.y + area.height - rows, height: rows };
    paintEmpty(screen, tab, room, hint, state.attaching);
  }
}

/** Lines that a histogram's tab gives to the bars of the selected series; the table keeps a third. */
function barsHeight(tab: Tab, height: number): number {
  const current = tab.current;
  if (tab.stream.kind !== 'hist' || current === undefined || height < PANEL_FROM) return 0;
  const table = height - windowHeight(tab, height) + Math.min(tab.model.length, Math.floor(height / 3));
  return Math.min(panelHeight(tab.model.at(current)), height - table);
}

import type { InputEvent } from './input.ts';

/** Everything a key can do. */
export type Action =
  | 'quit' | 'help' | 'filter' | 'sort' | 'sortLeft' | 'sortRight' | 'reverse' | 'pause' | 'hold' | 'release' | 'rates' | 'detail' | 'clear'
  | 'tabNext' | 'tabPrevious' | 'up' | 'down' | 'pageUp' | 'pageDown' | 'first' | 'last' | 'columnsLeft' | 'columnsRight'
  | 'redraw' | 'suspend' | 'escape'; // biome-ignore format: a list

/** A row of the key table: what is pressed, what it does, and how help and the keys bar call it. */
export interface Binding {
  readonly keys: readonly string[];
  readonly action: Action;
  /** As help shows the keys. */
  readonly shown: string;
  readonly help: string;
  /** Key and word in the bar at the bottom. */
  readonly bar?: readonly [key: string, word: string];
}

/** The one list of keys: the parser, the bar and the help text all read it. */
// biome-ignore format: one line a key reads as a table
export const BINDINGS: readonly Binding[] = [
  { keys: ['?', 'h', 'f1'], action: 'help', shown: '?  h  F1', help: 'this help', bar: ['?', 'Help'] },
  { keys: ['/'], action: 'filter', shown: '/', help: 'filter rows as you type: words that must all occur, !word not, column:word', bar: ['/', 'Filter'] },
  { keys: ['s'], action: 'sort', shown: 's', help: 'sort by the next column, after the last one in order of arrival', bar: ['s', 'Sort'] },
  { keys: ['>', '.'], action: 'sortRight', shown: '<  >', help: 'sort by the column to the left, to the right' },
  { keys: ['<', ','], action: 'sortLeft', shown: '', help: '' },
  { keys: ['r'], action: 'reverse', shown: 'r', help: 'reverse the order', bar: ['r', 'Reverse'] },
  { keys: [' ', 'p'], action: 'pause', shown: 'space  p', help: 'pause: the screen stands still, nothing is missed', bar: ['p', 'Pause'] },
  { keys: ['f'], action: 'hold', shown: 'f', help: 'freeze the row on top, or let it go; F lets all go', bar: ['f', 'Freeze'] },
  { keys: ['F'], action: 'release', shown: '', help: '' },
  { keys: ['right', 'tab', 'ctrl-n'], action: 'tabNext', shown: '← →  tab  1-9', help: 'other map (also ctrl-n, ctrl-p)', bar: ['←→', 'Map'] },
  { keys: ['left', 'shift-tab', 'ctrl-p'], action: 'tabPrevious', shown: '', help: '' },
  { keys: ['enter'], action: 'detail', shown: 'enter', help: 'the whole row; for histograms its bars', bar: ['enter', 'Detail'] },
  { keys: ['t'], action: 'rates', shown: 't', help: 'show or hide rates per second', bar: ['t', 'Rates'] },
  { keys: ['c'], action: 'clear', shown: 'c', help: 'clear the kept records of this tab' },
  { keys: ['up', 'k'], action: 'up', shown: '↑ ↓  k j', help: 'select a row' },
  { keys: ['down', 'j'], action: 'down', shown: '', help: '' },
  { keys: ['pageup'], action: 'pageUp', shown: 'PgUp PgDn', help: 'a page up, down (also ctrl-u, ctrl-d)' },
  { keys: ['ctrl-u'], action: 'pageUp', shown: '', help: '' },
  { keys: ['pagedown', 'ctrl-d'], action: 'pageDown', shown: '', help: '' },
  { keys: ['home', 'g'], action: 'first', shown: 'Home End', help: 'first, last row; the end of a log follows it again' },
  { keys: ['end', 'G'], action: 'last', shown: '', help: '' },
  { keys: ['shift-left', '['], action: 'columnsLeft', shown: '[  ]', help: 'move over columns that do not fit' },
  { keys: ['shift-right', ']'], action: 'columnsRight', shown: '', help: '' },
  { keys: ['ctrl-l'], action: 'redraw', shown: 'ctrl-l', help: 'paint the screen anew' },
  { keys: ['ctrl-z'], action: 'suspend', shown: 'ctrl-z', help: 'to the shell; fg comes back' },
  { keys: ['escape'], action: 'escape', shown: 'esc', help: 'close, clear the filter, follow again' },
  { keys: ['q', 'ctrl-c'], action: 'quit', shown: 'q  ctrl-c', help: 'detach everything and leave', bar: ['q', 'Quit'] },
];

const BY_KEY = new Map(BINDINGS.flatMap((b) => b.keys.map((key) => [key, b.action] as const)));

/** The actions that an input event asks for: text that was read in one piece may hold several keys. */
export function actionsOf(event: InputEvent): (Action | { tab: number })[] {
  // A paste into a full-screen view is a mistake, and its letters would be commands.
  if (event.type === 'paste') return [];
  const keys = event.type === 'key' ? [event.name] : [...event.text];
  return keys.flatMap((key): (Action | { tab: number })[] => {
    if (/^[1-9]$/.test(key)) return [{ tab: Number(key) - 1 }];
    const action = BY_KEY.get(key);
    return action === undefined ? [] : [action];
  });
}

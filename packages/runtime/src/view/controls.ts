import type { InputEvent } from './input.ts';
import { type Action, actionsOf } from './keys.ts';
import type { ViewState } from './state.ts';
import type { Tab } from './tab.ts';

/** What keys can ask for beyond changing the state. */
export interface Effects {
  /** `insist`: by ctrl-c, which at the second time does not wait. */
  quit(insist: boolean): void;
  suspend(): void;
  redraw(): void;
  /** Lines on the screen, for paging. */
  height(): number;
}

const TABLE: Partial<Record<Action, (tab: Tab) => void>> = {
  sort: (tab) => tab.sortBy(1),
  sortRight: (tab) => tab.sortBy(1),
  sortLeft: (tab) => tab.sortBy(-1),
  reverse: (tab) => tab.reverse(),
  hold: (tab) => tab.togglePin(),
  release: (tab) => tab.release(),
  rates: (tab) => tab.toggleRates(),
  clear: (tab) => tab.clear(),
  up: (tab) => tab.move(-1),
  down: (tab) => tab.move(1),
  pageUp: (tab) => tab.move(-tab.visible),
  pageDown: (tab) => tab.move(tab.visible),
  first: (tab) => tab.jump('first'),
  last: (tab) => tab.jump('last'),
  columnsLeft: (tab) => tab.scrollColumns(-1),
  columnsRight: (tab) => tab.scrollColumns(1),
};

/** Lines around an overlay: title, tabs, its rule, status, keys. */
const AROUND_OVERLAY = 5;

/** Does what was typed. Ctrl-c leaves from wherever one is. */
export function control(event: InputEvent, state: ViewState, effects: Effects): void {
  if (event.type === 'key' && event.name === 'ctrl-c') effects.quit(true);
  else if (event.type === 'text') typed(event.text, state, effects);
  else if (state.prompt !== undefined) edit(event, state.prompt, state);
  else for (const action of actionsOf(event)) act(action, state, effects);
}

/** Text read in one piece may be several commands, and after `/` it is the filter. */
function typed(text: string, state: ViewState, effects: Effects): void {
  let rest = text;
  while (rest !== '' && state.prompt === undefined) {
    const [key] = rest;
    rest = rest.slice(key!.length);
    for (const action of actionsOf({ type: 'text', text: key! })) act(action, state, effects);
  }
  if (rest !== '') edit({ type: 'text', text: rest }, state.prompt!, state);
}

/** The filter line: every change shows at once. */
function edit(event: InputEvent, text: string, state: ViewState): void {
  const set = (next: string): void => {
    state.prompt = next;
    state.tab?.setFilter(next);
  };
  if (event.type !== 'key') {
    set(text + event.text.replace(/[\r\n\t]+/g, ' '));
    return;
  }
  if (event.name === 'backspace') set([...text].slice(0, -1).join(''));
  else if (event.name === 'ctrl-u') set('');
  else if (event.name === 'ctrl-w') set(text.replace(/\S+\s*$/, ''));
  else if (event.name === 'up') state.tab?.move(-1);
  else if (event.name === 'down') state.tab?.move(1);
  else if (event.name === 'enter') state.prompt = undefined;
  else if (event.name === 'escape') {
    set('');
    state.prompt = undefined;
  }
}

function act(action: Action | { tab: number }, state: ViewState, effects: Effects): void {
  if (state.overlay !== undefined && actOnOverlay(action, state, effects)) return;
  const { tab } = state;
  if (typeof action === 'object') {
    if (action.tab < state.tabs.length) state.selectTab(action.tab);
  } else if (action === 'quit') effects.quit(false);
  else if (action === 'suspend') effects.suspend();
  else if (action === 'redraw') effects.redraw();
  else if (action === 'help') state.open({ kind: 'help' });
  else if (action === 'pause') state.pause(!state.paused);
  else if (action === 'tabNext') state.selectTab(state.active + 1);
  else if (action === 'tabPrevious') state.selectTab(state.active - 1);
  else if (action === 'escape') stepBack(state);
  else if (tab !== undefined && action === 'filter') state.prompt = tab.query.filter;
  else if (tab?.current !== undefined && action === 'detail') {
    state.open({ kind: 'detail', row: tab.model.pin(tab.current) });
  } else if (tab !== undefined) TABLE[action]?.(tab);
}

/** Esc takes away what was put there last: a message, the filter, the selection. */
function stepBack(state: ViewState): void {
  if (state.messages.length > 0) state.messages.shift();
  else if (state.tab?.query.filter) state.tab.setFilter('');
  else state.tab?.follow();
}

/** Keys that scroll an overlay stay with it; any other closes it. True when the key has done its work. */
function actOnOverlay(action: Action | { tab: number }, state: ViewState, effects: Effects): boolean {
  const page = Math.max(1, effects.height() - AROUND_OVERLAY);
  const steps: Partial<Record<Action, number>> = {
    up: -1,
    down: 1,
    pageUp: -page,
    pageDown: page,
    first: Number.NEGATIVE_INFINITY,
    last: Number.POSITIVE_INFINITY,
  };
  const step = typeof action === 'string' ? steps[action] : undefined;
  if (step !== undefined) {
    // How far it can go is known when it is painted.
    state.overlayScroll = Math.max(0, state.overlayScroll + step);
    return true;
  }
  if (action === 'suspend' || action === 'redraw' || action === 'pause') return false;
  state.overlay = undefined;
  return action === 'quit' || action === 'escape' || action === 'detail' || action === 'help';
}

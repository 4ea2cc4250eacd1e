import { sourceOf } from '../streams/prefix.ts';
import type { Opened } from './open.ts';

/** Why a run has nothing to show, and what its author would do about it. */
export function nothingToShow(opened: readonly Opened[]): string {
  const names = opened.flatMap(({ object }) =>
    object.maps.filter((m) => sourceOf(m.type) === 'ring' || sourceOf(m.type) === 'perf').map((m) => m.name),
  );
  const none =
    'there is nothing to show: no ring, hash or array is named print_…, counter_…, gauge_… or hist_…';
  if (names.length === 0) return none;
  // What a ring holds no object tells by itself: its records are written as bytes.
  return `${none}; what ${names.join(', ')} ${names.length === 1 ? 'holds' : 'hold'} is not read: call it print_${names[0]}, with __type(value, struct …) for its records`;
}

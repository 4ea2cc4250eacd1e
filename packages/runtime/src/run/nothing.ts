import { tracefs } from '@skep/bpf';
import { helpersCalled } from '@skep/probe';
import { sourceOf } from '../streams/prefix.ts';
import type { Opened } from './open.ts';

const TRACE_PRINTK = 6;
const TRACE_VPRINTK = 177;

/** Where to look for what programs print themselves, as first programs do. */
function printed(opened: readonly Opened[]): string {
  const prints = opened.some(({ object }) =>
    object.programs.some(({ name, autoload }) => {
      const helpers = autoload ? helpersCalled(object.elf, name) : new Set<number>();
      return helpers.has(TRACE_PRINTK) || helpers.has(TRACE_VPRINTK);
    }),
  );
  return prints
    ? `; what bpf_printk() prints is read by cat ${tracefs() ?? '/sys/kernel/tracing'}/trace_pipe`
    : '';
}

/** Why a run has nothing to show, and what its author would do about it. */
export function nothingToShow(opened: readonly Opened[]): string {
  const names = opened.flatMap(({ object }) =>
    object.maps.filter((m) => sourceOf(m.type) === 'ring' || sourceOf(m.type) === 'perf').map((m) => m.name),
  );
  const none = `there is nothing to show: no ring, hash or array is named print_…, counter_…, gauge_… or hist_…${printed(opened)}`;
  const rows = opened.flatMap(({ object }) =>
    object.maps.filter((m) => !m.internal && sourceOf(m.type) === 'map'),
  );
  if (names.length === 0) return rows[0] ? `${none}; --show ${rows[0].name} shows it all the same` : none;
  // What a ring holds no object tells by itself: its records are written as bytes.
  return `${none}; what ${names.join(', ')} ${names.length === 1 ? 'holds' : 'hold'} is not read: call it print_${names[0]}, with __type(value, struct …) for its records, or say --show ${names[0]}:STRUCT`;
}

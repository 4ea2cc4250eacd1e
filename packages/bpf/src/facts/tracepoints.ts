import { readdirSync, readFileSync } from 'node:fs';
import { tracefs, tracefsReadable } from '../kernel/filesystems.ts';
import { isThere } from '../kernel/there.ts';
import type { Tracepoints } from './types.ts';

/** Categories of events that have no tracepoint of their name behind them: one stands for all system calls, tracers have none. */
export const WITHOUT_TRACEPOINTS: ReadonlySet<string> = new Set(['syscalls', 'ftrace']);

/** The running kernel's events, looked up one by one in tracefs; undefined where this process may not. */
export function runningTracepoints(): Tracepoints | undefined {
  if (!tracefsReadable()) return undefined;
  const events = `${tracefs()}/events`;
  let categories: string[] | undefined;
  const safe = (name: string) => /^\w+$/.test(name);
  return {
    has: (category, name) => safe(category) && safe(name) && isThere(`${events}/${category}/${name}`),
    hasName(name) {
      categories ??= readdirSync(events, { withFileTypes: true })
        .filter((e) => e.isDirectory() && !WITHOUT_TRACEPOINTS.has(e.name))
        .map((e) => e.name);
      return safe(name) && categories.some((c) => isThere(`${events}/${c}/${name}`));
    },
    end(category, name) {
      const format = `${events}/${category}/${name}/format`;
      if (!safe(category) || !safe(name) || !isThere(format)) return undefined;
      // trace_event_get_offsets() goes by the member that was defined last.
      const last = [...readFileSync(format, 'utf8').matchAll(/\toffset:(\d+);\tsize:(\d+);/g)].at(-1);
      return last && Number(last[1]) + Number(last[2]);
    },
  };
}

import { readdirSync } from 'node:fs';
import { tracefs, tracefsReadable } from '../kernel/filesystems.ts';
import { isThere } from '../kernel/there.ts';
import type { Tracepoints } from './types.ts';

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
        .filter((e) => e.isDirectory())
        .map((e) => e.name);
      return safe(name) && categories.some((c) => isThere(`${events}/${c}/${name}`));
    },
  };
}

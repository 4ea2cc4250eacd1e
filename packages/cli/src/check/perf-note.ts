import type { CheckedObject } from '@skep/probe';
import { paranoidPerfEvents } from '../perf-events.ts';

/** Sections whose programs are attached by a perf event; links to many functions are not. */
const BY_PERF_EVENTS =
  /^(tp|tracepoint|k(ret)?probe|k(ret)?syscall|u(ret)?probe(\.s)?|usdt(\.s)?|perf_event)(\/|$)/;

/**
 * What a load does not show: that this kernel may give perf events to others than this process.
 *
 * @param have the capabilities of this process
 */
export function perfNote(
  { name, programs, groups }: CheckedObject,
  have: ReadonlySet<string>,
  paranoid: number | undefined = paranoidPerfEvents(),
): string | undefined {
  if (paranoid === undefined || have.has('CAP_SYS_ADMIN')) return undefined;
  const taken = new Set(groups.flatMap((g) => g.taken?.programs ?? []));
  const found = programs.filter(
    (p) =>
      (p.group === undefined ? p.autoload : taken.has(p.name)) &&
      p.verdict.state !== 'refused' &&
      BY_PERF_EVENTS.test(p.section),
  );
  if (found.length === 0) return undefined;
  return `${name}: run may not attach ${found.map((p) => p.name).join(', ')}. Kernels of Debian and Ubuntu give tracepoints, kprobes and uprobes to CAP_SYS_ADMIN alone while kernel.perf_event_paranoid is ${paranoid}.`;
}

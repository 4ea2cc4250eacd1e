/** What the kernel's statistics say of the programs that a process holds. */
import { takeInventory } from '@skep/bpf';

export interface Ran {
  readonly runs: number;
  /** Nanoseconds inside the program, the statistics' own reading of the clock among them. */
  readonly ns: number;
}

/** Programs of process `pid` (and of its children, if it is a shell's), by name, since they were loaded. */
export function programsOf(pid: number): Record<string, Ran> {
  const found: Record<string, Ran> = {};
  for (const { name, owners, runCount, runTimeNs } of takeInventory().programs) {
    if (owners.some((owner) => owner.pid === pid))
      found[name] = { runs: Number(runCount), ns: Number(runTimeNs) };
  }
  return found;
}

/** What came in between two such readings. */
export function programsBetween(
  before: Record<string, Ran>,
  after: Record<string, Ran>,
): Record<string, Ran> {
  return Object.fromEntries(
    Object.entries(after).map(([name, { runs, ns }]) => [
      name,
      { runs: runs - (before[name]?.runs ?? 0), ns: ns - (before[name]?.ns ?? 0) },
    ]),
  );
}

/** The programs on sockets; those that tell the life of processes run in whoever starts or ends one. */
const ON_SOCKETS = /^(?:l7|http)_/;

/**
 * Of the programs on sockets, in all.
 *
 * @throws Error when the kernel counted no runs: no figure is better than zero
 */
export function onSockets(programs: Readonly<Record<string, Ran>>): Ran {
  const all = Object.entries(programs).flatMap(([name, ran]) => (ON_SOCKETS.test(name) ? [ran] : []));
  const sum = (of: (p: Ran) => number): number => all.reduce((s, p) => s + of(p), 0);
  const [runs, ns] = [sum((p) => p.runs), sum((p) => p.ns)];
  if (runs === 0) throw new Error(`the kernel tells of no runs of ${Object.keys(programs).join(', ')}`);
  return { runs, ns };
}

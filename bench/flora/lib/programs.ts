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
export function between(before: Record<string, Ran>, after: Record<string, Ran>): Record<string, Ran> {
  return Object.fromEntries(
    Object.entries(after).map(([name, { runs, ns }]) => [
      name,
      { runs: runs - (before[name]?.runs ?? 0), ns: ns - (before[name]?.ns ?? 0) },
    ]),
  );
}

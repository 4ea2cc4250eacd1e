import type { Opened } from './open.ts';

type Named = Pick<Opened, 'name' | 'probe'>;

/** The objects of one probe: they see each other's maps and counters, those of other probes they do not. */
export function siblings<T extends Named>(opened: readonly T[], of: Named): T[] {
  return opened.filter((o) => o.probe === of.probe);
}

/** The probes of a run, in their order. */
export function probesOf(units: readonly { readonly probe: string }[]): string[] {
  return [...new Set(units.map((u) => u.probe))];
}

/** The objects of each probe, in their order. */
export function byProbe<T extends Named>(opened: readonly T[]): T[][] {
  return probesOf(opened).map((probe) => opened.filter((o) => o.probe === probe));
}

/**
 * What a thing is called that several objects have of that name: `calls`, `calls@first.o` beside another of the same
 * probe, `calls@oomkill:1` beside one of another probe.
 */
export function distinct<T extends Named>(
  name: string,
  of: Named,
  opened: readonly T[],
  has: (o: T) => boolean,
): string {
  const others = opened.filter((o) => (o.name !== of.name || o.probe !== of.probe) && has(o));
  if (others.length === 0) return name;
  return `${name}@${others.some((o) => o.probe === of.probe) ? of.name : of.probe}`;
}

/** Says in an error which probe it is about, where a run has several. The error is the same one. */
export function blame(error: unknown, { probe, alone }: Pick<Opened, 'probe' | 'alone'>): unknown {
  if (!alone && error instanceof Error && !error.message.startsWith(`${probe}: `))
    error.message = `${probe}: ${error.message}`;
  return error;
}

/** Does something with an object, and lets what it throws name the probe. */
export function blaming<T>(o: Pick<Opened, 'probe' | 'alone'>, what: () => T): T {
  try {
    return what();
  } catch (error) {
    throw blame(error, o);
  }
}

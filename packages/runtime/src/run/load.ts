import type { BpfMap } from '@skep/bpf';
import { tagsOf } from '../streams/tags.ts';
import { type Opened, optionalPrograms, reopen, sentence } from './open.ts';

/**
 * Loads the objects, each on a thread of the pool, with the maps that several of them share made once.
 *
 * Where an object does not load and has programs tagged `skep:optional`, it is tried again without those that
 * stand in the way; `notes` says which.
 *
 * @throws BpfError of the first object that does not load
 */
export async function loadObjects(
  opened: readonly Opened[],
  params: Readonly<Record<string, string>>,
  notes: string[],
): Promise<void> {
  const shared = new Map<string, BpfMap>();
  const sharing = opened.length > 1 && opened.some((o) => sharedMaps(o).length > 0);
  if (!sharing) {
    const done = await Promise.allSettled(opened.map((o) => loadOne(o, params, shared, notes)));
    for (const result of done) if (result.status === 'rejected') throw result.reason;
    return;
  }
  for (const o of opened) await loadOne(o, params, shared, notes);
}

/** A map that an earlier object of the run made is used again where name and type agree and both say so. */
export function sharedMaps({ object }: Opened): BpfMap[] {
  return object.maps.filter((m) => !m.internal && tagsOf(object.btf, m.name, 'var').shared);
}

async function loadOne(
  o: Opened,
  params: Readonly<Record<string, string>>,
  shared: Map<string, BpfMap>,
  notes: string[],
): Promise<void> {
  const without = new Set<string>();
  for (;;) {
    for (const map of sharedMaps(o)) {
      const first = shared.get(map.name);
      if (first?.type === map.type) o.object.reuseMap(map.name, first);
    }
    for (const name of without) o.object.program(name).autoload = false;
    try {
      await o.object.load();
      break;
    } catch (error) {
      const left = optionalPrograms(o).filter((name) => !without.has(name));
      if (left.length === 0) throw error;
      // The message names the program in the way; if it does not, none of the optional ones is kept.
      const culprit = (error as { object?: string }).object;
      const named = left.filter(
        (name) => name === culprit || new RegExp(`\\b${name}\\b`).test((error as Error).message),
      );
      for (const name of named.length > 0 ? named : left) {
        without.add(name);
        notes.push(`${name} was left out: ${sentence(error)}`);
      }
      reopen(o, params);
    }
  }
  for (const map of sharedMaps(o)) if (!shared.has(map.name)) shared.set(map.name, map);
}

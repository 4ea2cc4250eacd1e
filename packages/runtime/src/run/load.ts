import { type BpfMap, mapDefinitions } from '@skep/bpf';
import { tagsOf } from '../streams/tags.ts';
import { type Opened, reopen } from './open.ts';
import { blame, byProbe } from './probes.ts';
import { loadedTogether } from './together.ts';

/**
 * Loads the objects, each on a thread of the pool, with the maps that several of a probe share made once.
 *
 * Each object loads the hooks that were chosen for it. Where they do not load it is tried again with the next ones.
 *
 * @throws BpfError of the first object that does not load; RuntimeError SKEP_NO_RUNG when it has no other hooks
 */
export async function loadObjects(opened: readonly Opened[]): Promise<void> {
  const done = await Promise.allSettled(byProbe(opened).map(loadProbe));
  for (const result of done) if (result.status === 'rejected') throw result.reason;
}

async function loadProbe(opened: readonly Opened[]): Promise<void> {
  const shared = new Map<string, BpfMap>();
  const sharing = opened.length > 1 && opened.some((o) => sharedMaps(o).length > 0);
  if (!sharing) {
    const done = await Promise.allSettled(opened.map((o) => loadOne(o, shared)));
    for (const result of done) if (result.status === 'rejected') throw result.reason;
    return;
  }
  for (const o of opened) await loadOne(o, shared);
}

/**
 * A map that an earlier object of the probe made is used again where name and type agree and both say so: by SKEP_SHARED,
 * or by LIBBPF_PIN_BY_NAME, as objects share maps elsewhere.
 */
export function sharedMaps({ object }: Pick<Opened, 'object'>): BpfMap[] {
  const pinned = new Set(
    mapDefinitions(object.btf, object.elf).flatMap((m) => (m.pinning === 'name' ? [m.name] : [])),
  );
  return object.maps.filter(
    (m) => !m.internal && (pinned.has(m.name) || tagsOf(object.btf, m.name, 'var').shared),
  );
}

async function loadOne(o: Opened, shared: Map<string, BpfMap>): Promise<void> {
  for (;;) {
    for (const map of sharedMaps(o)) {
      const first = shared.get(map.name);
      if (first?.type === map.type) o.object.reuseMap(map.name, first);
    }
    try {
      await o.object.load({ together: loadedTogether(o) });
      break;
    } catch (error) {
      try {
        o.ladder.stepDown(error);
        reopen(o);
      } catch (last) {
        throw blame(last, o);
      }
    }
  }
  for (const map of sharedMaps(o)) if (!shared.has(map.name)) shared.set(map.name, map);
}

import { mapsUsed } from '@skep/probe';
import { splitPrefix } from '../streams/prefix.ts';
import { tagsOf } from '../streams/tags.ts';
import type { Opened } from './open.ts';

/** What others read or fill, whoever names it: stacks are read by their ids, and libbpf fills maps of programs and maps. */
const KEPT: ReadonlySet<string> = new Set(['stack_trace', 'prog_array', 'array_of_maps', 'hash_of_maps']);

/**
 * Leaves out the maps that only programs of other rungs name, before load: the kernel would take their memory for
 * nothing. A rung that is loaded later makes its own.
 *
 * Those stay that somebody else may read or fill: what is shown, lists, {@link KEPT}, counters of losses, what objects
 * share, what another map holds, what an iterator is pointed at.
 */
export function leaveOutIdleMaps({
  object,
  ladder,
  targets,
  shown,
}: Pick<Opened, 'object' | 'ladder' | 'targets' | 'shown'>): void {
  // Without a choice every program is loaded, and reading their code would tell nothing.
  if (!ladder.leavesOut) return;
  const uses = mapsUsed(
    object.elf,
    object.programs.map((p) => p.name),
  );
  const needed = new Set<string>();
  const idle = new Set<string>();
  for (const program of object.programs)
    for (const map of uses.get(program.name)!) (program.autoload ? needed : idle).add(map);
  const section = object.elf.section('.maps');
  if (section) for (const { symbol } of object.elf.relocations(section)) needed.add(symbol.name);
  for (const options of targets?.values() ?? [])
    for (const { target } of options) if (target !== undefined) needed.add(target);
  for (const map of object.maps) {
    const { name, type, internal, created, reused } = map;
    if (internal || !created || reused || !idle.has(name) || needed.has(name)) continue;
    if (splitPrefix(name) || shown.has(name) || KEPT.has(type) || name.endsWith('_lost')) continue;
    const { list, shared } = tagsOf(object.btf, name, 'var');
    if (!list && !shared) map.leaveOut();
  }
}

import type { Btf } from '@skep/bpf';
import type { Member, RawMap } from '../contract/run.ts';
import { listed, RuntimeError } from '../errors.ts';
import type { Opened } from './open.ts';

/** A map of some object of the run, with the members of its key and value. @throws RuntimeError SKEP_NO_MAP */
export function rawMap(opened: readonly Opened[], name: string): RawMap {
  for (const { object } of opened) {
    const map = object.maps.find((m) => m.name === name || (m.internal && m.name.endsWith(name)));
    if (map)
      return { map, key: members(object.btf, map.keyTypeId), value: members(object.btf, map.valueTypeId) };
  }
  const all = opened.flatMap((o) => o.object.maps.filter((m) => !m.internal).map((m) => m.name));
  throw new RuntimeError('SKEP_NO_MAP', `there is no map "${name}"`, `The objects have ${listed(all)}.`);
}

function members(btf: Btf, typeId: number): Map<string, Member> {
  const found = new Map<string, Member>();
  if (typeId === 0) return found;
  const type = btf.resolve(typeId);
  if (type.kind === 'datasec') {
    for (const { type: variable, offset, size } of type.variables)
      found.set(btf.nameAt(variable), { offset, size });
  }
  if (type.kind !== 'struct') return found;
  for (const { name, type: id, bitOffset } of type.members)
    found.set(name, { offset: bitOffset / 8, size: btf.sizeOf(id) });
  return found;
}

import type { Btf, Elf } from '@skep/bpf';
import type { ParamDescription } from '../describe/types.ts';
import { ProbeError } from '../errors.ts';
import { readSetting } from '../params/apply.ts';
import type { ParamSetting } from '../params/setting.ts';

/** The read-only data sections of an object as they are once it is loaded, parameters set. */
export function constantSections(
  elf: Elf,
  btf: Btf,
  params: readonly ParamDescription[],
  values: Readonly<Record<string, ParamSetting>>,
): Map<string, Uint8Array> {
  const out = new Map<string, Uint8Array>();
  for (const s of elf.sections) if (s.name.startsWith('.rodata')) out.set(s.name, new Uint8Array(s.data));
  for (const [name, text] of Object.entries(values)) {
    const param = params.find((p) => p.name === name);
    if (!param) continue;
    for (const [constant, bytes] of readSetting(param, btf, text).constants) {
      const place = placeOf(btf, out, constant);
      if (place && bytes.length <= place.size) out.get(place.section)!.set(bytes, place.offset);
      // Not every list has a place for its only value.
      else if (constant !== `__${name}_only`)
        throw new ProbeError('SKEP_OBJECT_INVALID', `The parameter "${name}" has no place in the object.`, {
          hint: 'The object contradicts itself: compile it again.',
        });
    }
  }
  return out;
}

function placeOf(
  btf: Btf,
  sections: ReadonlyMap<string, Uint8Array>,
  name: string,
): { section: string; offset: number; size: number } | undefined {
  for (const section of sections.keys()) {
    const data = btf.find(section, 'datasec');
    if (data?.kind !== 'datasec') continue;
    const variable = data.variables.find((v) => btf.type(v.type).name === name);
    if (variable) return { section, offset: variable.offset, size: variable.size };
  }
  return undefined;
}

import type { Btf, Elf } from '@skep/bpf';
import type { ParamDescription } from '../describe/types.ts';
import { ProbeError } from '../errors.ts';
import { parseParam } from '../params/params.ts';

/** The read-only data sections of an object as they are once it is loaded, parameters set. */
export function constantSections(
  elf: Elf,
  btf: Btf,
  params: readonly ParamDescription[],
  values: Readonly<Record<string, string>>,
): Map<string, Uint8Array> {
  const out = new Map<string, Uint8Array>();
  for (const s of elf.sections) if (s.name.startsWith('.rodata')) out.set(s.name, new Uint8Array(s.data));
  for (const [name, text] of Object.entries(values)) {
    const param = params.find((p) => p.name === name);
    if (!param) continue;
    const bytes = parseParam(param, btf, text);
    const section = [...out.keys()].find((s) => {
      const data = btf.find(s, 'datasec');
      return data?.kind === 'datasec' && data.variables.some((v) => btf.type(v.type).name === name);
    });
    const data = section === undefined ? undefined : btf.find(section, 'datasec');
    const variable =
      data?.kind === 'datasec' ? data.variables.find((v) => btf.type(v.type).name === name) : undefined;
    if (!variable || bytes.length > variable.size)
      throw new ProbeError('SKEP_OBJECT_INVALID', `The parameter "${name}" has no place in the object.`, {
        hint: 'The object contradicts itself: compile it again.',
      });
    out.get(section!)!.set(bytes, variable.offset);
  }
  return out;
}

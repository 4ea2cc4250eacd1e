import { type Btf, type Elf, type KernelFacts, mapDefinitions, mapTypes, type Verdict } from '@skep/bpf';
import { listed } from './kernel-type.ts';

const BPF_F_NO_PREALLOC = 1;
/** Types whose memory is never set aside beforehand: the kernel makes none without the flag that says so. */
const NEVER_AHEAD = new Set(['lpm_trie', 'sk_storage', 'inode_storage', 'task_storage', 'cgrp_storage']);

/** What stands against the maps of an object, one verdict each. */
export function mapVerdicts(elf: Elf, btf: Btf, facts: KernelFacts): Verdict[] {
  return [...mapDefinitions(btf, elf).map((m) => mapVerdict(m, facts)), ...structOps(btf, facts)];
}

function mapVerdict(
  { name, type: number, flags }: { name: string; type: number; flags: number },
  facts: KernelFacts,
): Verdict {
  const type = mapTypes[number];
  if (type === undefined)
    return { state: 'unknown', reason: `map "${name}" is of a type (${number}) unknown to skep` };
  if (listed(facts, facts.mapTypes, type, 'bpf_map_type') === false)
    return { state: 'refused', reason: `the kernel has no map type ${type}, which "${name}" is` };
  if (NEVER_AHEAD.has(type) && (flags & BPF_F_NO_PREALLOC) === 0)
    return {
      state: 'refused',
      reason: `no kernel makes the map "${name}" as it is declared: ${type} needs BPF_F_NO_PREALLOC`,
      hint: 'Write __uint(map_flags, BPF_F_NO_PREALLOC) into its declaration.',
    };
  return { state: 'runs' };
}

/** Tables of functions that stand in for the kernel's: it has to have such a table, and all of its members. */
function structOps(btf: Btf, { btf: kernel }: KernelFacts): Verdict[] {
  const section = btf.find('.struct_ops', 'datasec');
  if (section?.kind !== 'datasec' || !kernel) return [];
  return section.variables.flatMap(({ type: id }): Verdict[] => {
    const variable = btf.type(id);
    const table = variable.kind === 'var' ? btf.resolve(variable.type) : undefined;
    if (table?.kind !== 'struct') return [];
    const found = kernel.find(table.name, 'struct');
    if (found?.kind !== 'struct' || !kernel.find(`bpf_struct_ops_${table.name}`, 'struct'))
      return [
        {
          state: 'refused',
          reason: `programs cannot stand in for a struct ${table.name} on this kernel`,
          hint: 'It may have come with a later version, or be configured off.',
        },
      ];
    const has = new Set(found.members.map((m) => m.name));
    const missing = table.members.find((m) => m.name !== '' && !has.has(m.name));
    if (!missing) return [];
    return [
      {
        state: 'refused',
        reason: `struct ${table.name} has no member ${missing.name} on this kernel`,
        hint: 'Leave it out of the structure that the program declares.',
      },
    ];
  });
}

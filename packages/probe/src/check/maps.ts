import {
  type Btf,
  type Elf,
  type KernelFacts,
  type MapDefinition,
  mapDefinitions,
  mapTypes,
  type Verdict,
} from '@skep/bpf';
import { readTags } from '../describe/tags.ts';
import type { ProgramDescription } from '../describe/types.ts';
import { listed } from './kernel-type.ts';
import { misshapen } from './map-shapes.ts';

const BPF_F_NO_PREALLOC = 1;
/** Types whose memory is never set aside beforehand: the kernel makes none without the flag that says so. */
const NEVER_AHEAD = new Set(['lpm_trie', 'sk_storage', 'inode_storage', 'task_storage', 'cgrp_storage']);

/** Types that hold a fixed number of things, which skep gives to none that says none (completeMaps does to hashes). */
const COUNTED = new Set([
  ...['array', 'percpu_array', 'prog_array', 'cgroup_array', 'array_of_maps', 'hash_of_maps', 'lpm_trie'],
  ...['devmap', 'devmap_hash', 'cpumap', 'xskmap', 'sockmap', 'sockhash', 'reuseport_sockarray'],
  ...['queue', 'stack', 'bloom_filter', 'ringbuf', 'user_ringbuf', 'arena'],
]);
const BPF_F_STACK_BUILD_ID = 1 << 5;
const BPF_F_INNER_MAP = 1 << 12;
/** Frames of a stack unless the machine's settings say otherwise. */
const DEEPEST = 127;
/** Bytes of a program's stack, where keys once had to fit. */
const STACK = 512;
/** Types whose values are maps. */
const OF_MAPS = new Set(['array_of_maps', 'hash_of_maps']);

/** What stands against the maps of an object, one verdict each. */
export function mapVerdicts(
  elf: Elf,
  btf: Btf,
  programs: readonly Pick<ProgramDescription, 'type' | 'autoload'>[],
  facts: KernelFacts,
): Verdict[] {
  const isList = (m: MapDefinition) => readTags(btf.declTags(m.variableId)).flags.has('list');
  return [
    // A list is as long as what the user says.
    ...mapDefinitions(btf, elf).map((m) => mapVerdict(isList(m) ? { ...m, maxEntries: 1 } : m, facts)),
    // Tables for which nothing is loaded are left out.
    ...(programs.some((p) => p.type === 'struct_ops' && p.autoload) ? structOps(btf, facts) : []),
  ];
}

function mapVerdict(map: MapDefinition, facts: KernelFacts): Verdict {
  const { name, type: number, flags, inner, maxEntries, keySize, valueSize } = map;
  const type = mapTypes[number];
  if (type === undefined) {
    const types = facts.btf?.find('bpf_map_type', 'enum');
    if (types?.kind === 'enum' && !types.values.some((v) => Number(v.value) === number))
      return { state: 'refused', reason: `the kernel has no map type ${number}, which "${name}" is` };
    return { state: 'unknown', reason: `map "${name}" is of a type (${number}) unknown to skep` };
  }
  const strange = unknownFlags(flags, facts);
  if (strange !== 0)
    return {
      state: 'refused',
      reason: `the kernel has no flag 0x${strange.toString(16)} for maps, which "${name}" has`,
      hint: 'It may have come with a later version.',
    };
  if (listed(facts, facts.mapTypes, type, 'bpf_map_type') === false)
    return { state: 'refused', reason: `the kernel has no map type ${type}, which "${name}" is` };
  if (NEVER_AHEAD.has(type) && (flags & BPF_F_NO_PREALLOC) === 0)
    return {
      state: 'refused',
      reason: `no kernel makes the map "${name}" as it is declared: ${type} needs BPF_F_NO_PREALLOC`,
      hint: 'Write __uint(map_flags, BPF_F_NO_PREALLOC) into its declaration.',
    };
  if (COUNTED.has(type) && maxEntries === 0)
    return {
      state: 'refused',
      reason: `no kernel makes the map "${name}" as it is declared: ${/^a/.test(type) ? 'an' : 'a'} ${type} has to say how long it is`,
      hint: 'Write __uint(max_entries, …) into its declaration; the loader of its author may have filled that in.',
    };
  const within = map.inner && (mapTypes[map.inner.type] ?? '');
  // Of a map by itself libbpf makes a perf buffer as long as there are processors, of those in other maps not.
  if (
    within !== undefined &&
    map.inner!.maxEntries === 0 &&
    (COUNTED.has(within) || within === 'perf_event_array')
  )
    return {
      state: 'refused',
      reason: `no kernel makes the map "${name}" as it is declared: the ${within} in it has to say how long it is`,
      hint: 'Write __uint(max_entries, …) into its declaration; the loader of its author may have filled that in.',
    };
  const shape = misshapen(map);
  if (shape !== undefined)
    return {
      state: 'refused',
      reason: `no kernel makes the map "${name}" as it is declared: ${shape}`,
      hint: 'Mend its declaration.',
    };
  const [major, minor] = facts.version;
  if (/hash$/.test(type) && keySize > STACK && (major < 5 || (major === 5 && minor < 18)))
    return {
      state: 'unknown',
      reason: `whether "${name}" may have keys of ${keySize} bytes is not known: before Linux 5.18 ${STACK} are the most`,
    };
  if (type === 'stack_trace' && valueSize > DEEPEST * 8 && (flags & BPF_F_STACK_BUILD_ID) === 0)
    return {
      state: 'unknown',
      reason: `whether "${name}" may hold ${valueSize / 8} frames is not known: kernel.perf_event_max_stack, ${DEEPEST} unless it was changed, decides`,
    };
  if (OF_MAPS.has(type) && !inner)
    return {
      state: 'refused',
      reason: `no kernel makes the map "${name}" as it is declared: it holds maps, and does not say which`,
      hint: 'Write __array(values, struct { … }) with the definition of an inner map into its declaration.',
    };
  return { state: 'runs' };
}

/** Flags of Linux 5.10; kernels name in their types what came later. */
const OLD_FLAGS = (BPF_F_INNER_MAP << 1) - 1;

/** Which of a map's flags the kernel has never heard of; 0 for none, or where its types do not tell. */
function unknownFlags(flags: number, { btf }: KernelFacts): number {
  const newer = (flags & ~OLD_FLAGS) >>> 0;
  if (newer === 0 || !btf) return 0;
  for (const id of btf.ids('enum')) {
    const type = btf.type(id);
    if (type.kind !== 'enum' || !type.values.some((v) => v.name === 'BPF_F_NO_PREALLOC')) continue;
    return type.values.reduce((left, v) => (left & ~Number(v.value)) >>> 0, newer);
  }
  return 0;
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

import { type Btf, type Elf, mapDefinitions, mapTypes, parseObject, parseSection } from '@skep/bpf';
import { ProbeError } from '../errors.ts';
import { hookGroups } from '../hooks/groups.ts';
import { licenseOf } from '../license/check.ts';
import { describeLists, describeParams } from '../params/params.ts';
import { isLossCount } from './loss-count.ts';
import { readTags } from './tags.ts';
import type { MapDescription, ObjectDescription, OutputKind, ProgramDescription } from './types.ts';

const SHF_EXECINSTR = 4;

/**
 * Reads what an object says of itself: programs with their hooks, maps with key and value types and what becomes of
 * them, parameters with defaults and help. Needs no kernel.
 *
 * ```ts
 * describeObject(bytes, 'program.o').params;
 * // [{ name: 'target_pid', type: '__u32', default: 0, help: 'only this process (0: every process)', … }]
 * ```
 *
 * @param name how messages call the object
 * @throws {BpfError} `SKEP_ELF_…`, `SKEP_BTF_…` when it is no BPF object or has no type information
 * @throws {ProbeError} `SKEP_OBJECT_INVALID` when it has no program, two of one name, or a parameter without bytes
 */
export function describeObject(bytes: Uint8Array, name: string): ObjectDescription {
  const { elf, btf } = parseObject(bytes, name);
  const programs = describePrograms(elf, btf, name);
  if (programs.length === 0) {
    const hidden = staticProgram(elf);
    if (hidden)
      throw new ProbeError(
        'SKEP_OBJECT_INVALID',
        `${name} has no BPF program that can be loaded: ${hidden.name} in SEC("${hidden.section}") is static.`,
        { hint: 'Take "static" away from the function: nobody can load it by its name.' },
      );
    throw new ProbeError('SKEP_OBJECT_INVALID', `${name} has no BPF program.`, {
      hint: 'A program is a function with a SEC("…") that names its hook: SEC("tracepoint/syscalls/sys_enter_openat").',
    });
  }
  const maps = mapDefinitions(btf, elf);
  const names = new Set(maps.map((m) => m.name));
  const countsLosses = (map: (typeof maps)[number]) =>
    map.name.endsWith('_lost') &&
    names.has(map.name.slice(0, -'_lost'.length)) &&
    isLossCount({ ...map, type: mapTypes[map.type] ?? '' });
  return {
    name,
    machine: elf.machine,
    license: licenseOf(elf),
    programs,
    hooks: hookGroups({ elf, btf, programs }),
    maps: maps.map((m): MapDescription => {
      const { help, unit, flags } = readTags(btf.declTags(m.variableId));
      return {
        name: m.name,
        // A map type that is newer than our list keeps its number.
        type: mapTypes[m.type] ?? `type ${m.type}`,
        maxEntries: m.maxEntries,
        keySize: m.keySize,
        valueSize: m.valueSize,
        keyTypeId: m.keyTypeId,
        valueTypeId: m.valueTypeId,
        keyType: spelled(btf, m.keyTypeId, m.keySize),
        valueType: spelled(btf, m.valueTypeId, m.valueSize),
        output: countsLosses(m) ? undefined : outputOf(m.name),
        help,
        unit,
        shared: flags.has('shared') || m.pinning === 'name',
      };
    }),
    params: [...describeParams(elf, btf, name), ...describeLists(btf, maps, name)],
  };
}

/** What a map's name makes of it: `counter_oomkills` is a counter called `oomkills`. */
export function outputOf(map: string): { kind: OutputKind; name: string } | undefined {
  const match = /^(print|counter|gauge|hist)_(.*)$/s.exec(map);
  return match ? { kind: match[1] as OutputKind, name: match[2]! } : undefined;
}

function spelled(btf: Btf, typeId: number, size: number): string {
  if (typeId !== 0) return btf.nameOf(typeId);
  return size > 0 ? `${size} bytes` : '';
}

/** A function that was meant for a program, which its author has kept to the file. */
function staticProgram(elf: Elf): { name: string; section: string } | undefined {
  for (const { name, type, section: number } of elf.symbols) {
    const section = elf.sections[number];
    if (type === 'func' && section && parseSection(section.name).kind !== 'unknown')
      return { name, section: section.name };
  }
  return undefined;
}

function describePrograms(elf: Elf, btf: Btf, name: string): ProgramDescription[] {
  const programs: ProgramDescription[] = [];
  for (const symbol of elf.symbols) {
    const section = elf.sections[symbol.section];
    if (symbol.type !== 'func' || symbol.binding === 'local' || !section || section.name === '.text')
      continue;
    if ((section.flags & SHF_EXECINSTR) === 0) continue;
    if (programs.some((p) => p.name === symbol.name))
      throw new ProbeError('SKEP_OBJECT_INVALID', `Two programs of ${name} are called ${symbol.name}.`, {
        hint: 'No compiler writes that: what is said of one would be taken for the other.',
      });
    const func = btf.find(symbol.name, 'func');
    const { help, flags } = readTags(func ? btf.declTags(func.id) : []);
    const { kind, target } = parseSection(section.name);
    programs.push({
      name: symbol.name,
      section: section.name,
      type: kind,
      target,
      autoload: !section.name.startsWith('?'),
      optional: flags.has('optional'),
      help,
    });
  }
  return programs;
}

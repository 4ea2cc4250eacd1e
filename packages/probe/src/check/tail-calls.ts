import { type Btf, type Elf, mapDefinitions, mapTypes, type Verdict } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import { mapsUsed } from '../hooks/uses.ts';
import { kernelType } from './kernel-type.ts';

/**
 * A table of programs to jump to belongs to the type of the first program that names it, on every kernel: one of another
 * type neither jumps by it nor is put into it (bpf_prog_map_compatible() of kernel/bpf/core.c). Each loads by itself.
 *
 * @param programs those that are loaded together
 * @param all of the object
 */
export function tailCallVerdicts(
  elf: Elf,
  btf: Btf,
  programs: readonly ProgramDescription[],
  all: readonly ProgramDescription[],
): Map<string, Verdict> {
  const out = new Map<string, Verdict>();
  const tables = mapDefinitions(btf, elf).filter((m) => mapTypes[m.type] === 'prog_array');
  if (tables.length === 0) return out;
  const used = mapsUsed(
    elf,
    programs.map((p) => p.name),
  );
  for (const { name: table } of tables) {
    const jump = programs.filter((p) => used.get(p.name)?.has(table));
    const named = heldBy(elf, table);
    const held = programs.filter((p) => named.has(p.name));
    const asleep = all.find((p) => named.has(p.name) && !p.autoload);
    const first = jump[0] ?? programs[0];
    if (asleep && first)
      out.set(first.name, {
        state: 'refused',
        reason: `"${table}" is to hold "${asleep.name}", which is not loaded by itself`,
        hint: 'Leave the question mark of its section out.',
      });
    const [owner, ...others] = [...jump, ...held];
    const type = owner && kernelType(owner.type, owner.section);
    if (type === undefined) continue;
    for (const other of others) {
      const its = kernelType(other.type, other.section);
      if (its === undefined || out.has(other.name)) continue;
      if (its === type) {
        if (type === 'tracing' && other.target !== owner!.target)
          out.set(other.name, {
            state: 'unknown',
            reason: `whether "${table}" may hold programs on ${owner!.target} and on ${other.target} is not known: newer kernels ask for the same arguments`,
          });
        continue;
      }
      out.set(other.name, {
        state: 'refused',
        reason: `${owner!.name} makes "${table}" a table for ${type} programs, and this one is a ${its} program`,
        hint: 'Give each type of programs a table of its own.',
      });
    }
  }
  return out;
}

/** The programs that a table's `.values` name. */
function heldBy(elf: Elf, table: string): ReadonlySet<string> {
  const section = elf.section('.maps');
  const variable = elf.symbols.find((s) => s.name === table && elf.sections[s.section] === section);
  if (!section || !variable) return new Set();
  const within = (offset: number) => offset >= variable.value && offset < variable.value + variable.size;
  const named = elf.relocations(section).filter((r) => within(r.offset) && r.symbol.type === 'func');
  return new Set(named.map((r) => r.symbol.name));
}

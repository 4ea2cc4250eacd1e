import type { Elf, Verdict } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';

/**
 * A struct_ops program stands for one function of a table, and loads for the table that names it. libbpf 1.1 reads those in
 * SEC(".struct_ops"); tables with a link (1.2) or without autocreation (1.4) have sections of their own, which it leaves out.
 */
export function tableVerdict(elf: Elf, { name, type }: ProgramDescription): Verdict | undefined {
  if (type !== 'struct_ops') return undefined;
  const table = elf.section('.struct_ops');
  if (table && elf.relocations(table).some((r) => r.symbol?.name === name)) return undefined;
  const newer = elf.sections.find((s) => /^\??\.struct_ops(\.link)?$/.test(s.name) && s !== table);
  return {
    state: 'refused',
    reason: newer
      ? `its table is in SEC("${newer.name}"), which skep does not read`
      : 'no table of functions in SEC(".struct_ops") names it',
    hint: 'skep loads tables in SEC(".struct_ops"), and puts none in force.',
  };
}

import type { Btf } from '../btf/btf.ts';
import { type CoreRelocation, coreRelocations } from '../core-relo/records.ts';
import type { Elf } from '../elf/elf.ts';

/** The verifier asks nothing of what programs of these sections are attached to: the kernel learns that after the load. */
const FREE = /^\??(tp|tracepoint|k(?:ret)?probe|u(?:ret)?probe|perf_event)(?:\/|$)/;

/** BPF_JMP | BPF_CALL, and whom: a function of the object. */
const CALL = 0x85;
const PSEUDO_CALL = 1;

/**
 * Programs that are to the verifier what an earlier one is: a probe with a hook on each of a dozen system calls has one body, and
 * some two or three programs. What is not known to be alike stands for itself.
 *
 * @returns the name of the first of its kind, by the names of the others
 */
export function alikePrograms(
  elf: Elf,
  btf: Btf,
  programs: readonly { readonly name: string; readonly section: string }[],
): Map<string, string> {
  const alike = new Map<string, string>();
  // Most probes have no two of one length, and nothing has to be compared.
  const lengths = new Map<string, number>();
  const lengthOf = ({ name }: { name: string }) =>
    String(elf.symbols.find((s) => s.name === name && s.type === 'func')?.size);
  for (const program of programs) lengths.set(lengthOf(program), (lengths.get(lengthOf(program)) ?? 0) + 1);
  const several = programs.filter((program) => lengths.get(lengthOf(program))! > 1);
  if (several.length === 0) return alike;
  const relocations = coreRelocations(elf, btf);
  const known = new Map<string, string>();
  for (const program of several) {
    const sign = signOf(elf, relocations, program);
    if (sign === undefined) continue;
    const first = known.get(sign);
    if (first === undefined) known.set(sign, program.name);
    else alike.set(program.name, first);
  }
  return alike;
}

/** What the verifier sees of a program: its kind, its instructions, and what those are about to be changed to. */
function signOf(
  elf: Elf,
  relocations: readonly CoreRelocation[],
  { name, section }: { name: string; section: string },
): string | undefined {
  const kind = FREE.exec(section)?.[1];
  const symbol = elf.program(name);
  const its = symbol && elf.sections[symbol.section];
  if (kind === undefined || !symbol || !its) return undefined;
  const within = ({ offset }: { offset: number }) =>
    offset >= symbol.value && offset < symbol.value + symbol.size;
  const code = its.data.subarray(symbol.value, symbol.value + symbol.size);
  const changed = elf.relocations(its).filter(within);
  // A function beside it in its own section is called by distance, which says nothing of what lies there.
  const named = new Set(changed.map((r) => r.offset - symbol.value));
  for (let at = 0; at < code.length; at += 8)
    if (code[at] === CALL && code[at + 1]! >> 4 === PSEUDO_CALL && !named.has(at)) return undefined;
  return JSON.stringify([
    kind.replace(/^tp$/, 'tracepoint'),
    Buffer.from(code).toString('base64'),
    changed.map(({ offset, type, symbol: to }) => [offset - symbol.value, type, to]),
    relocations
      .filter((r) => r.section === its.name && within(r))
      .map((r) => [r.offset - symbol.value, r.kind, r.typeId, r.access]),
  ]);
}

import { type CoreRelocation, coreRelocations, type Elf, parseObject } from '@skep/bpf';

/** The verifier asks nothing of what programs of these sections are attached to: the kernel learns that after the load. */
const FREE = /^\??(tp|tracepoint|k(?:ret)?probe|u(?:ret)?probe|perf_event)(?:\/|$)/;

/** BPF_JMP | BPF_CALL, and whom: a function of the object. */
const CALL = 0x85;
const PSEUDO_CALL = 1;

/**
 * One for each of the programs that are the same to the verifier: a probe with a hook on each of a dozen system calls has one
 * body, and some two or three programs. What is not known to be alike stands for itself.
 *
 * @returns names, a part of those given, in their order
 */
export function oneOfAlike(
  object: Uint8Array,
  name: string,
  programs: readonly { name: string; section: string }[],
): string[] {
  const { elf, btf } = parseObject(object, name);
  const relocations = coreRelocations(elf, btf);
  const known = new Set<string>();
  return programs.flatMap((program) => {
    const sign = signOf(elf, relocations, program);
    if (sign === undefined) return [program.name];
    if (known.has(sign)) return [];
    known.add(sign);
    return [program.name];
  });
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

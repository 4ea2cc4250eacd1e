import type { Elf, ElfRelocation, ElfSection, ElfSymbol } from '@skep/bpf';

/** BPF's relocations (LLVM): a load of a 64-bit address, and a call of a function. */
const R_BPF_64_32 = 10;
const INSTRUCTION = 8;

/**
 * The maps that each program works with, through the functions it calls too: those of `.maps` by name, and `.bss` and
 * `.data…`, which are maps to the kernel as well. Constants (`.rodata`) tell nothing about what a program is for.
 */
export function mapsUsed(elf: Elf, programs: Iterable<string>): Map<string, ReadonlySet<string>> {
  const relocations = new Map<number, readonly ElfRelocation[]>();
  const of = (section: ElfSection) => {
    const found = relocations.get(section.index) ?? elf.relocations(section);
    relocations.set(section.index, found);
    return found;
  };
  const functions = elf.symbols.filter((s) => s.type === 'func');
  const out = new Map<string, ReadonlySet<string>>();
  for (const name of programs) {
    const program = functions.find((f) => f.name === name);
    const maps = new Set<string>();
    if (program) walk(elf, functions, of, program, maps, new Set());
    out.set(name, maps);
  }
  return out;
}

function walk(
  elf: Elf,
  functions: readonly ElfSymbol[],
  relocationsOf: (section: ElfSection) => readonly ElfRelocation[],
  at: ElfSymbol,
  maps: Set<string>,
  seen: Set<ElfSymbol>,
): void {
  const section = elf.sections[at.section];
  if (!section || seen.has(at)) return;
  seen.add(at);
  for (const { offset, type, symbol } of relocationsOf(section)) {
    if (offset < at.value || offset >= at.value + at.size) continue;
    const target = elf.sections[symbol.section];
    if (!target) continue;
    if (type === R_BPF_64_32) {
      // A call of a static function names its section, and the instruction how far into it: relative, less one.
      const into = symbol.type === 'section' ? (immediate(section, offset) + 1) * INSTRUCTION : symbol.value;
      const callee = functions.find((f) => f.section === symbol.section && f.value === into);
      if (callee) walk(elf, functions, relocationsOf, callee, maps, seen);
    } else if (target.name === '.maps') maps.add(symbol.name);
    else if (/^\.(bss|data)/.test(target.name)) maps.add(target.name);
  }
}

function immediate({ data }: ElfSection, offset: number): number {
  if (offset + INSTRUCTION > data.length) return -1;
  return new DataView(data.buffer, data.byteOffset, data.byteLength).getInt32(offset + 4, true);
}

import type { Elf } from '@skep/bpf';
import { type Code, CodeReader } from '../effects/code.ts';

/**
 * The maps that each program works with, through the functions it calls and the callbacks it hands on: those of `.maps`
 * by name, and `.bss` and `.data…`, which are maps to the kernel as well. Constants (`.rodata`) tell nothing about what
 * a program is for.
 */
export function mapsUsed(elf: Elf, programs: Iterable<string>): Map<string, ReadonlySet<string>> {
  const reader = new CodeReader(elf);
  const out = new Map<string, ReadonlySet<string>>();
  for (const name of programs) {
    const maps = new Set<string>();
    const program = reader.program(name);
    if (program) walk(elf, program, maps, new Set());
    out.set(name, maps);
  }
  return out;
}

function walk(elf: Elf, code: Code, maps: Set<string>, seen: Set<Code>): void {
  if (seen.has(code)) return;
  seen.add(code);
  for (const { callee, data } of code.instructions.values()) {
    if (callee) walk(elf, callee, maps, seen);
    const section = data && elf.sections[data.section]?.name;
    if (section === '.maps') maps.add(data!.name);
    else if (section !== undefined && /^\.(bss|data)/.test(section)) maps.add(section);
  }
}

import type { Btf, Elf, KernelFacts, Place } from '@skep/bpf';
import type { Code } from '../effects/code.ts';
import { readCode } from './read-code.ts';

/**
 * Functions that the verifier of this kernel may walk for themselves: the global ones that a program names, be it in
 * code that is dead. Linux 6.8 walks those only that live code calls; distributions may have that earlier, so it is
 * never said that one surely is.
 */
export function walkedAnyway(elf: Elf, btf: Btf, program: string, { version }: KernelFacts): Place[] {
  const [major, minor] = version;
  if (major > 6 || (major === 6 && minor >= 8)) return [];
  const called = objects.get(elf) ?? new Map<string, Place[]>();
  objects.set(elf, called);
  const known = called.get(program) ?? globalsOf(elf, btf, program);
  called.set(program, known);
  return known;
}

/** What an object's programs call is the same on every kernel that it is checked against. */
const objects = new WeakMap<Elf, Map<string, Place[]>>();

function globalsOf(elf: Elf, btf: Btf, program: string): Place[] {
  const found = new Set<Code>();
  const start = readCode(elf, btf).program(program);
  if (start) collect(start, found);
  return [...found].filter((code) => code !== start && isGlobal(elf, btf, code)).map(placeOf);
}

function collect(code: Code, found: Set<Code>): void {
  if (found.has(code)) return;
  found.add(code);
  for (const { callee } of code.instructions.values()) if (callee) collect(callee, found);
}

function placeOf({ section, start }: Code): Place {
  return { section: section.name, at: start };
}

function isGlobal(elf: Elf, btf: Btf, { section, start, name }: Code): boolean {
  return (
    btf.find(name, 'func') !== undefined &&
    elf.symbols.some(
      (s) => s.type === 'func' && s.section === section.index && s.value === start && s.binding !== 'local',
    )
  );
}

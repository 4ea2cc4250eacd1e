import { CALL, type Elf, helperName, instructionAt, type KernelFacts } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import type { Hazard } from './hazards.ts';
import { helperTable } from './kernel-type.ts';

/** Sections of sleepable programs, which may call more helpers than the tables know. */
const SLEEPABLE = /^\??[\w.]+\.s(\/|$)/;

/** A call of a helper. */
export interface HelperCall {
  readonly section: string;
  readonly at: number;
  readonly helper: string;
}

/** The calls of helpers in a section; each section is read once, however many programs it has or how many call into it. */
export function helperCalls(elf: Elf): (section: string) => readonly HelperCall[] {
  const known = new Map<string, readonly HelperCall[]>();
  return (name) => {
    const calls = known.get(name) ?? callsIn(elf, name);
    known.set(name, calls);
    return calls;
  };
}

function callsIn(elf: Elf, name: string): HelperCall[] {
  const out: HelperCall[] = [];
  const section = elf.section(name);
  if (!section) return out;
  const external = new Set(elf.relocations(section).map((r) => r.offset));
  for (let at = 0; at < section.data.length; ) {
    const ins = instructionAt(section.data, at);
    if (!ins) break;
    if (ins.opcode === CALL && ins.source === 0 && !external.has(at))
      out.push({ section: name, at, helper: helperName(ins.immediate) });
    at += ins.opcode === 0x18 ? 16 : 8;
  }
  return out;
}

/** Helpers that are not for programs of this type. */
export function helperHazards(
  calls: (section: string) => readonly HelperCall[],
  program: ProgramDescription,
  facts: KernelFacts,
): Hazard[] {
  const table = helperTable(program.type);
  const allowed = table === undefined ? undefined : facts.helpers?.(table);
  if (!allowed) return [];
  return [...new Set([program.section, '.text'])]
    .flatMap(calls)
    .filter(({ helper }) => !allowed.has(helper))
    .map(({ section, at, helper }) => ({
      section,
      at,
      certain: !SLEEPABLE.test(program.section),
      reason: `the kernel has no ${helper} for ${program.type} programs`,
    }));
}

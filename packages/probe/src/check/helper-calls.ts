import { CALL, type Elf, helperName, instructionAt, type KernelFacts } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import type { Hazard } from './hazards.ts';
import { helperTable } from './kernel-type.ts';

/** Sections of sleepable programs, which may call more helpers than the tables know. */
const SLEEPABLE = /^\??[\w.]+\.s(\/|$)/;

/** Helpers that may wait, for memory of the user's to be read in or a file to be hashed. */
const SLEEPING: ReadonlySet<string> = new Set([
  ...['bpf_copy_from_user', 'bpf_copy_from_user_task', 'bpf_ima_inode_hash', 'bpf_ima_file_hash'],
]);

/** btf_allowlist_d_path of kernel/trace/bpf_trace.c. */
const D_PATH =
  /^(security_(file_permission|inode_getattr|file_open|path_truncate)|vfs_(truncate|fallocate|getattr)|dentry_open|filp_close)$/;

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
  const { type, section: own, target } = program;
  const table = helperTable(type);
  const allowed = table === undefined ? undefined : facts.helpers?.(table);
  const sleeps = SLEEPABLE.test(own);
  return [...new Set([own, '.text'])].flatMap(calls).flatMap(({ section, at, helper }): Hazard[] => {
    const refused = (certain: boolean, reason: string) => [{ section, at, certain, reason }];
    if (allowed && !allowed.has(helper))
      return refused(!sleeps, `the kernel has no ${helper} for ${type} programs`);
    if (type === 'lsm' && !sleeps && SLEEPING.has(helper))
      return refused(true, `${helper} may sleep, and the program may not: SEC("lsm.s/…") may`);
    if (helper === 'bpf_d_path' && (type === 'fentry' || type === 'fexit') && !D_PATH.test(target))
      return refused(false, `whether programs on ${target} may call bpf_d_path is not known`);
    return [];
  });
}

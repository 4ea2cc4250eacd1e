import { CALL, type Elf, helperName, instructionsIn, type KernelFacts } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import type { Hazard } from './hazards.ts';
import { helperTable, kernelType, maySleep } from './kernel-type.ts';
import { keptHelper } from './license.ts';

/** Programs with trampolines, which know the function that they are on; kprobes do as well. */
const ON_FUNCTIONS = new Set(['fentry', 'fexit', 'fmod_ret', 'fsession', 'lsm']);

/** Helpers that may wait, for memory of the user's to be read in or a file to be hashed. */
const SLEEPING: ReadonlySet<string> = new Set([
  ...['bpf_copy_from_user', 'bpf_copy_from_user_task', 'bpf_ima_inode_hash', 'bpf_ima_file_hash'],
]);

/** btf_allowlist_d_path of kernel/trace/bpf_trace.c. */
const D_PATH =
  /^(security_(file_permission|inode_getattr|file_open|path_truncate)|vfs_(truncate|fallocate|getattr)|dentry_open|filp_close)$/;

/** Where a section calls helpers: bytes, by helper. */
type Calls = ReadonlyMap<string, readonly number[]>;

/** What an object calls is the same on every kernel, and read once, however many programs a section has. */
const objects = new WeakMap<Elf, Map<string, Calls>>();

function callsIn(elf: Elf, name: string): Calls {
  const sections = objects.get(elf) ?? new Map<string, Calls>();
  objects.set(elf, sections);
  const calls = sections.get(name) ?? readCalls(elf, name);
  sections.set(name, calls);
  return calls;
}

function readCalls(elf: Elf, name: string): Calls {
  const out = new Map<string, number[]>();
  const section = elf.section(name);
  if (!section) return out;
  const external = elf.references(section);
  for (const [i, ins] of instructionsIn(section.data).entries()) {
    if (ins?.opcode !== CALL || ins.source !== 0 || external.has(i * 8)) continue;
    const helper = helperName(ins.immediate);
    const before = out.get(helper);
    if (before) before.push(i * 8);
    else out.set(helper, [i * 8]);
  }
  return out;
}

/** Helpers that are not for programs of this type. */
export function helperHazards(elf: Elf, program: ProgramDescription, facts: KernelFacts): Hazard[] {
  const { type, section: own, target } = program;
  const table = helperTable(type, own);
  const allowed = table === undefined ? undefined : facts.helpers?.(table);
  const sleeps = maySleep(program);
  // What those have that may sleep was not asked for, and some of what others have hangs on the very hook.
  const certain = type === 'syscall' || (!sleeps && !/^(lsm|cgroup|lwt)$/.test(type));
  const against = (helper: string): Pick<Hazard, 'certain' | 'reason'> | undefined => {
    if (allowed && !allowed.has(helper))
      return { certain, reason: `the kernel has no ${helper} for ${type} programs` };
    const kept = keptHelper(elf, helper);
    if (kept !== undefined) return { certain: true, reason: kept };
    if (!sleeps && type !== 'struct_ops' && SLEEPING.has(helper))
      return {
        certain: true,
        reason: `${helper} may sleep, and the program may not: one in SEC("….s/…") may`,
      };
    // The tables have it for more programs; the verifier looks at the hook as well.
    if (helper === 'bpf_get_func_ip' && kernelType(type, own) !== 'kprobe' && !ON_FUNCTIONS.has(type))
      return { certain: true, reason: `the kernel has no ${helper} for ${type} programs` };
    if (helper === 'bpf_d_path' && type === 'tp_btf')
      return { certain: true, reason: 'bpf_d_path is for programs on functions and hooks that may wait' };
    if (helper === 'bpf_d_path' && (type === 'fentry' || type === 'fexit') && !D_PATH.test(target))
      return { certain: false, reason: `whether programs on ${target} may call bpf_d_path is not known` };
    return undefined;
  };
  return [...new Set([own, '.text'])].flatMap((section) =>
    [...callsIn(elf, section)]
      .flatMap(([helper, calls]): Hazard[] => {
        const said = against(helper);
        return said ? calls.map((at) => ({ section, at, ...said })) : [];
      })
      // In the order of the code, as reasons are told.
      .sort((a, b) => a.at - b.at),
  );
}

import { type Btf, CALL, type Elf, instructionsIn, type KernelFacts } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import type { Extern } from './externs.ts';
import type { Hazard } from './hazards.ts';
import { kernelType } from './kernel-type.ts';
import { keptKfunc } from './license.ts';

/** Functions for programs of every type (common_btf_ids of kernel/bpf/helpers.c). */
const COMMON =
  /^bpf_(rcu_read_|cast_to_kern_ctx$|rdonly_cast$|dynptr_(?!from_(skb|xdp))|iter_(num|bits)_|preempt_|local_irq_|wq_|arena_|map_sum_elem_count$|copy_from_user|res_spin_|str|stream_)/;
/** Functions for security modules' programs alone (bpf_fs_kfunc_set_ids of fs/bpf_fs_kfuncs.c). */
const OF_SECURITY =
  /^bpf_(get_task_exe_file|put_file|path_d_path|get_dentry_xattr|get_file_xattr|(set|remove)_dentry_xattr|cgroup_read_xattr)$/;
/** Functions that the driver of a device has for programs bound to it (BPF_F_XDP_DEV_BOUND_ONLY). */
const OF_DEVICE = /^bpf_xdp_metadata_/;
/** Types that have no set of their own, the last two until 6.12. */
const WITHOUT = new Set(['raw_tracepoint', 'kprobe']);
const WITHOUT_THEN = new Set(['tracepoint', 'perf_event']);

/** Which functions of the kernel a program of a type may call is in no list of the kernel's that can be read. */
export function kfuncHazards(
  elf: Elf,
  program: ProgramDescription,
  { version: [major, minor], btf }: KernelFacts,
  externs: ReadonlyMap<string, Extern>,
): Hazard[] {
  if (![...externs.values()].some((e) => e.kind === 'function')) return [];
  const type = kernelType(program.type, program.section) ?? '';
  const before = major < 6 || (major === 6 && minor < 12);
  const plain = WITHOUT.has(type) || (before && WITHOUT_THEN.has(type));
  const out: Hazard[] = [];
  for (const name of new Set([program.section, '.text'])) {
    for (const { at, called } of callsIn(elf, name)) {
      if (externs.get(called)?.kind !== 'function') continue;
      const kept = keptKfunc(elf, called);
      if (kept !== undefined) out.push({ section: name, at, certain: true, reason: kept });
      else if (OF_DEVICE.test(called) && type === 'xdp')
        out.push({
          section: name,
          at,
          certain: true,
          reason: `${called} is for programs that are loaded for one network device alone, which skep does not do`,
        });
      else if (btf?.find(called, 'func') && tagged(btf, called) === false)
        out.push({
          section: name,
          at,
          certain: true,
          reason: `the kernel has ${called}, but not for programs`,
        });
      else if ((plain && !COMMON.test(called)) || (type !== 'lsm' && OF_SECURITY.test(called)))
        out.push({
          section: name,
          at,
          certain: false,
          reason: `whether ${program.type} programs may call ${called} is not known`,
        });
    }
  }
  return out;
}

interface ExternCall {
  readonly at: number;
  readonly called: string;
}

/** What an object calls is the same on every kernel, and read once, however many programs a section has. */
const objects = new WeakMap<Elf, Map<string, readonly ExternCall[]>>();

/** The calls of functions that are not the object's own. */
function callsIn(elf: Elf, name: string): readonly ExternCall[] {
  const sections = objects.get(elf) ?? new Map<string, readonly ExternCall[]>();
  objects.set(elf, sections);
  const calls = sections.get(name) ?? readCalls(elf, name);
  sections.set(name, calls);
  return calls;
}

function readCalls(elf: Elf, name: string): ExternCall[] {
  const section = elf.section(name);
  if (!section) return [];
  const symbols = elf.references(section);
  return instructionsIn(section.data).flatMap((ins, i) => {
    const symbol = ins?.opcode === CALL ? symbols.get(i * 8) : undefined;
    return symbol?.section === 0 ? [{ at: i * 8, called: symbol.name }] : [];
  });
}

/** Whether a function is marked as one that programs may call; kernels are built with such marks since 6.9, if pahole knows them. */
function tagged(btf: Btf, name: string): boolean | undefined {
  const id = btf.find(name, 'func')?.id;
  const known = btf.find('bpf_rcu_read_lock', 'func')?.id;
  const has = (func: number | undefined) => func !== undefined && btf.declTags(func).includes('bpf_kfunc');
  return has(known) ? has(id) : undefined;
}

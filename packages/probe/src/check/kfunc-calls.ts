import { type Btf, CALL, type Elf, instructionsIn, type KernelFacts } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import type { Extern } from './externs.ts';
import type { Hazard } from './hazards.ts';
import { kernelType } from './kernel-type.ts';
import { keptKfunc } from './license.ts';

/** Functions for programs of every type (common_btf_ids of kernel/bpf/helpers.c). */
const COMMON =
  /^bpf_(rcu_read_|cast_to_kern_ctx$|rdonly_cast$|dynptr_(?!from_(skb|xdp))|iter_(num|bits|task|css)_|preempt_|local_irq_|wq_|arena_|map_sum_elem_count$|copy_from_user|res_spin_|str|stream_)/;
/** Functions for security modules' programs alone (bpf_fs_kfunc_set_ids of fs/bpf_fs_kfuncs.c). */
const OF_SECURITY =
  /^bpf_(get_task_exe_file|put_file|path_d_path|get_dentry_xattr|get_file_xattr|(set|remove)_dentry_xattr|cgroup_read_xattr)$/;
/** Functions that the driver of a device has for programs bound to it (BPF_F_XDP_DEV_BOUND_ONLY). */
const OF_DEVICE = /^bpf_xdp_metadata_/;
/** Functions on packets, each for its own kind of them. */
const OF_XDP = /^bpf_(xdp_|dynptr_from_xdp$)/;
const OF_SKB = /^bpf_(skb_|dynptr_from_skb$)/;
/** Functions for those that stand for the kernel's own: congestion control, scheduling, devices. */
const OF_TABLES = /^((tcp|cubictcp|bbr|dctcp)_|scx_bpf_|hid_bpf_|bpf_(qdisc|kfunc_call)_|bpf_sock_destroy$)/;
/** Functions on tasks, cgroups and allocated memory, which programs on packets may call as well (generic_btf_ids of kernel/bpf/helpers.c). */
const GENERIC =
  /^bpf_(task_(acquire|release|from_|under_cgroup|get_cgroup1)|cgroup_(acquire|release|ancestor|from_id)|(obj|percpu_obj)_|refcount_|list_|rbtree_|throw$)/;

/** Types whose context the kernel has no structure of its own for: bpf_cast_to_kern_ctx finds none. */
const PLAIN = new Set(['tracing', 'lsm', 'raw_tracepoint', 'tracepoint', 'syscall', 'struct_ops']);

/** Whether programs of a type may call a function, as far as that has been so on all kernels that have it. */
function mayCall(called: string, type: string, { version: [major, minor] }: KernelFacts): boolean {
  if (called === 'bpf_cast_to_kern_ctx') return !PLAIN.has(type);
  if (COMMON.test(called)) return true;
  if (OF_XDP.test(called)) return type === 'xdp';
  if (OF_SKB.test(called)) return type === 'sched_cls';
  if (OF_TABLES.test(called)) return type === 'struct_ops';
  if (OF_SECURITY.test(called)) return type === 'lsm';
  const since = (...[a, b]: [number, number]) => major > a || (major === a && minor >= b);
  if (['tracing', 'lsm', 'struct_ops', 'syscall'].includes(type)) return true;
  if (type === 'tracepoint' || type === 'perf_event') return since(6, 12);
  if (!GENERIC.test(called)) return false;
  if (type === 'sched_cls') return true;
  if (type === 'xdp') return since(6, 3);
  return type.startsWith('cgroup_') && since(6, 12);
}

/** Which functions of the kernel a program of a type may call is in no list of the kernel's that can be read. */
export function kfuncHazards(
  elf: Elf,
  program: ProgramDescription,
  facts: KernelFacts,
  externs: ReadonlyMap<string, Extern>,
): Hazard[] {
  if (![...externs.values()].some((e) => e.kind === 'function')) return [];
  const type = kernelType(program.type, program.section) ?? '';
  const { btf } = facts;
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
      else if (!mayCall(called, type, facts))
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

import type { Elf, KernelFacts, Place } from '@skep/bpf';
import type { ProgramDescription } from '../describe/types.ts';
import { type Access, type Callee, contextAccesses, relocated } from './context.ts';
import type { Hazard } from './hazards.ts';
import { kernelType } from './kernel-type.ts';

/** The structure that a program of a type is handed, as programs know it; its length tells what a kernel's version has of it. */
const structs: Readonly<Record<string, string>> = {
  socket_filter: '__sk_buff',
  sched_cls: '__sk_buff',
  sched_act: '__sk_buff',
  cgroup_skb: '__sk_buff',
  sk_skb: '__sk_buff',
  xdp: 'xdp_md',
  sk_msg: 'sk_msg_md',
  sock_ops: 'bpf_sock_ops',
  sk_lookup: 'bpf_sk_lookup',
  cgroup_sock: 'bpf_sock',
  cgroup_sock_addr: 'bpf_sock_addr',
  cgroup_sysctl: 'bpf_sysctl',
  cgroup_sockopt: 'bpf_sockopt',
  cgroup_device: 'bpf_cgroup_dev_ctx',
  perf_event: 'bpf_perf_event_data',
  kprobe: 'pt_regs',
};

/** Types whose context is only read; of kprobes' that is so until Linux 6.18. */
const READ_ONLY = new Set([
  ...['tracepoint', 'raw_tracepoint', 'tracing', 'lsm', 'perf_event', 'kprobe'],
  ...['xdp', 'sk_lookup', 'cgroup_device'],
]);
/** Types whose context is numbers of eight bytes, or a record of them. */
const NUMBERS = new Set(['tracepoint', 'raw_tracepoint', 'tracing', 'lsm']);

/** Before a tracepoint's record lies what only the kernel knows; PERF_MAX_TRACE_SIZE is where one ends at the latest. */
const RECORD = [8, 8192] as const;
const EGRESS = 20;

/**
 * Where a program surely reads or writes its context as no program of its type may (`is_valid_access` of each).
 *
 * @param code the object's code with the kernel's answers to CO-RE in it
 */
export function accessHazards(
  elf: Elf,
  program: ProgramDescription,
  entry: Place,
  facts: KernelFacts,
  callee: Callee,
  code: ReadonlyMap<string, Uint8Array>,
): Hazard[] {
  const type = kernelType(program.type, program.section);
  if (type === undefined || !(NUMBERS.has(type) || Object.hasOwn(structs, type))) return [];
  const end = type === 'tracepoint' ? recordEnd(program.target, facts) : undefined;
  return contextAccesses(elf, entry, callee).flatMap((declared) => {
    const access = relocated(declared, code);
    if (!access) return [];
    const found = against(access, type, program.section, facts) ?? behind(access, end, program.target);
    return found === undefined ? [] : [{ ...access.place, ...found }];
  });
}

/**
 * Where a tracepoint's record ends; the structure of a kernel that is kept as data may be padded behind its last member. Events
 * of a class have no structure of their own name.
 */
function recordEnd(target: string, facts: KernelFacts): number | undefined {
  const [category = '', name = ''] = target.split(/[/:]/);
  const known = facts.tracepoints?.end?.(category, name);
  if (known !== undefined) return known;
  const struct = facts.btf?.find(`trace_event_raw_${name}`, 'struct');
  return struct?.kind === 'struct' && facts.tracepoints?.has(category, name) ? struct.size : undefined;
}

/** perf_event_set_bpf_prog() compares the record with what the verifier saw being read. */
function behind(
  { offset, size, writes }: Access,
  end: number | undefined,
  target: string,
): Pick<Hazard, 'certain' | 'reason'> | undefined {
  if (end === undefined || writes || offset + size <= end) return undefined;
  return {
    certain: true,
    reason: `it reads byte ${offset + size - 1} of the record of ${target}, which has ${end} here`,
  };
}

function against(
  { offset, size, writes }: Access,
  type: string,
  section: string,
  facts: KernelFacts,
): Pick<Hazard, 'certain' | 'reason'> | undefined {
  const [major, minor] = facts.version;
  const certain = (reason: string) => ({ certain: true, reason });
  if (writes && READ_ONLY.has(type)) {
    const always = type !== 'kprobe' || (major > 0 && (major < 6 || (major === 6 && minor < 18)));
    return { certain: always, reason: `it writes into its context, which ${type} programs only read` };
  }
  if (offset < 0 || offset % size !== 0)
    return certain(`it reads ${size} bytes at byte ${offset} of its context, across what lies there`);
  if (type === 'tracepoint' && (offset < RECORD[0] || offset + size > RECORD[1]))
    return certain(`it reads byte ${offset} of its context, where no tracepoint has its record`);
  if (type === 'xdp' && offset === EGRESS && !/(^|[./])devmap$/.test(section))
    return certain('it reads egress_ifindex, which is for programs in SEC("xdp/devmap")');
  const struct = Object.hasOwn(structs, type) ? facts.btf?.find(structs[type]!, 'struct') : undefined;
  if (struct?.kind !== 'struct' || struct.size === 0 || offset + size <= struct.size) return undefined;
  return certain(`it reads byte ${offset} of struct ${struct.name}, which has ${struct.size} here`);
}

import type { KernelFacts } from '@skep/bpf';

/**
 * The kernel's program type behind a section's kind, where it is one. What helpers a tracing program has hangs on what
 * it is attached to, so those go by their kind: `tracing/iter`.
 */
const types: Readonly<Record<string, string>> = {
  socket_filter: 'socket_filter',
  sk_reuseport: 'sk_reuseport',
  kprobe: 'kprobe',
  kretprobe: 'kprobe',
  'kprobe.multi': 'kprobe',
  'kretprobe.multi': 'kprobe',
  'kprobe.session': 'kprobe',
  ksyscall: 'kprobe',
  kretsyscall: 'kprobe',
  uprobe: 'kprobe',
  uretprobe: 'kprobe',
  'uprobe.multi': 'kprobe',
  'uretprobe.multi': 'kprobe',
  'uprobe.session': 'kprobe',
  usdt: 'kprobe',
  tc: 'sched_cls',
  netkit: 'sched_cls',
  action: 'sched_act',
  tracepoint: 'tracepoint',
  raw_tp: 'raw_tracepoint',
  tp_btf: 'tracing/raw_tp',
  fentry: 'tracing/fentry',
  fexit: 'tracing/fentry',
  fmod_ret: 'tracing/fentry',
  fsession: 'tracing/fentry',
  iter: 'tracing/iter',
  lsm: 'lsm',
  xdp: 'xdp',
  perf_event: 'perf_event',
  sock_ops: 'sock_ops',
  sk_skb: 'sk_skb',
  sk_msg: 'sk_msg',
  cgroup_skb: 'cgroup_skb',
  sk_lookup: 'sk_lookup',
  flow_dissector: 'flow_dissector',
  syscall: 'syscall',
  struct_ops: 'struct_ops',
  netfilter: 'netfilter',
  lirc_mode2: 'lirc_mode2',
};

/** Key for {@link KernelFacts.helpers}; undefined where the section does not tell. */
export function helperTable(kind: string, section = ''): string | undefined {
  if (kind === 'cgroup' || kind === 'lwt') return kernelType(kind, section);
  return Object.hasOwn(types, kind) ? types[kind] : undefined;
}

/** Programs of cgroups are of five types, by what follows in the section. */
const ofCgroups: readonly (readonly [RegExp, string])[] = [
  [/^cgroup\/skb$/, 'cgroup_skb'],
  [/^cgroup\/(sock|sock_create|sock_release|post_bind[46])$/, 'cgroup_sock'],
  [/^cgroup\/(bind|connect|sendmsg|recvmsg|getpeername|getsockname)(4|6|_unix)$/, 'cgroup_sock_addr'],
  [/^cgroup\/sysctl$/, 'cgroup_sysctl'],
  [/^cgroup\/[gs]etsockopt$/, 'cgroup_sockopt'],
  [/^cgroup\/dev$/, 'cgroup_device'],
];

/** The kernel's program type; undefined where the section does not tell. */
export function kernelType(kind: string, section = ''): string | undefined {
  const name = section.replace(/^\?/, '');
  if (kind === 'cgroup') return ofCgroups.find(([pattern]) => pattern.test(name))?.[1];
  if (kind === 'lwt') return name.replace(/\/.*$/, '');
  if (kind === 'lsm_cgroup') return 'lsm';
  return helperTable(kind)?.replace(/\/.*$/, '');
}

/** Whether a program may wait: those that say so in their section, and those that a process runs by a system call. */
export function maySleep({ type, section }: { readonly type: string; readonly section: string }): boolean {
  return type === 'syscall' || /^\??[\w.]+\.s(\/|$)/.test(section);
}

/** Whether the kernel's list of types has one: by what was probed, or else by its own enum. */
export function listed(
  facts: KernelFacts,
  probed: ReadonlySet<string> | undefined,
  type: string,
  list: 'bpf_map_type' | 'bpf_prog_type',
): boolean | undefined {
  if (probed) return probed.has(type);
  const t = facts.btf?.find(list, 'enum');
  if (t?.kind !== 'enum') return undefined;
  const prefix = list.replace('_type', '_TYPE').toUpperCase();
  return t.values.some((v) => v.name === `${prefix}_${type.toUpperCase()}`) ? undefined : false;
}

/** Kinds whose context holds numbers of which the verifier knows nothing. */
export function hasPlainContext(kind: string): boolean {
  return ['kprobe', 'tracepoint', 'raw_tracepoint'].includes(kernelType(kind) ?? '');
}

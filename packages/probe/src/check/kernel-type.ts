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
export function helperTable(kind: string): string | undefined {
  return Object.hasOwn(types, kind) ? types[kind] : undefined;
}

/** The kernel's program type; undefined where the section does not tell. */
export function kernelType(kind: string): string | undefined {
  return helperTable(kind)?.replace(/\/.*$/, '');
}

/** Kinds whose context holds numbers of which the verifier knows nothing. */
export function hasPlainContext(kind: string): boolean {
  return ['kprobe', 'tracepoint', 'raw_tracepoint'].includes(kernelType(kind) ?? '');
}

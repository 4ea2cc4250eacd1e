import { nearest } from '../links/nearest.ts';

/**
 * What a program's section name says: libbpf's table (section_defs in libbpf.c), the longest prefix wins.
 * A section is `prefix` or `prefix/target`; a leading `?` (do not load by default) does not belong to it. Older libraries, and
 * cilium/ebpf to this day, also take `socket1`.
 */
const kinds: Readonly<Record<string, string>> = {
  socket: 'socket_filter',
  sk_reuseport: 'sk_reuseport',
  'sk_reuseport/migrate': 'sk_reuseport',
  kprobe: 'kprobe',
  kretprobe: 'kretprobe',
  'kprobe.multi': 'kprobe.multi',
  'kretprobe.multi': 'kretprobe.multi',
  'kprobe.session': 'kprobe.session',
  ksyscall: 'ksyscall',
  kretsyscall: 'kretsyscall',
  uprobe: 'uprobe',
  'uprobe.s': 'uprobe',
  uretprobe: 'uretprobe',
  'uretprobe.s': 'uretprobe',
  'uprobe.multi': 'uprobe.multi',
  'uprobe.multi.s': 'uprobe.multi',
  'uretprobe.multi': 'uretprobe.multi',
  'uretprobe.multi.s': 'uretprobe.multi',
  'uprobe.session': 'uprobe.session',
  'uprobe.session.s': 'uprobe.session',
  usdt: 'usdt',
  'usdt.s': 'usdt',
  tc: 'tc',
  classifier: 'tc',
  tcx: 'tc',
  netkit: 'netkit',
  action: 'action',
  tracepoint: 'tracepoint',
  tp: 'tracepoint',
  raw_tracepoint: 'raw_tp',
  raw_tp: 'raw_tp',
  'raw_tracepoint.w': 'raw_tp',
  'raw_tp.w': 'raw_tp',
  tp_btf: 'tp_btf',
  fentry: 'fentry',
  'fentry.s': 'fentry',
  fexit: 'fexit',
  'fexit.s': 'fexit',
  fsession: 'fsession',
  'fsession.s': 'fsession',
  fmod_ret: 'fmod_ret',
  'fmod_ret.s': 'fmod_ret',
  freplace: 'freplace',
  lsm: 'lsm',
  'lsm.s': 'lsm',
  lsm_cgroup: 'lsm_cgroup',
  iter: 'iter',
  'iter.s': 'iter',
  syscall: 'syscall',
  xdp: 'xdp',
  'xdp.frags': 'xdp',
  perf_event: 'perf_event',
  lwt_in: 'lwt',
  lwt_out: 'lwt',
  lwt_xmit: 'lwt',
  lwt_seg6local: 'lwt',
  sockops: 'sock_ops',
  sk_skb: 'sk_skb',
  sk_msg: 'sk_msg',
  lirc_mode2: 'lirc_mode2',
  flow_dissector: 'flow_dissector',
  cgroup_skb: 'cgroup_skb',
  cgroup: 'cgroup',
  struct_ops: 'struct_ops',
  'struct_ops.s': 'struct_ops',
  sk_lookup: 'sk_lookup',
  netfilter: 'netfilter',
};

/** Every kind that {@link parseSection} tells. */
export const programKinds: ReadonlySet<string> = new Set(Object.values(kinds));

/** A program's kind and what follows it in the section name. */
export interface ProgramSection {
  /** `'tracepoint'`, `'kprobe'`, `'raw_tp'`, …; `'unknown'` when no library would recognise the name. */
  kind: string;
  /** `'oom/mark_victim'` of `tp/oom/mark_victim`; empty when the name says none. */
  target: string;
}

/**
 * Splits a program's section name.
 *
 * ```ts
 * parseSection('tp/oom/mark_victim');   // { kind: 'tracepoint', target: 'oom/mark_victim' }
 * parseSection('cgroup_skb/egress');    // { kind: 'cgroup_skb', target: 'egress' }
 * parseSection('kprobe/(my_probe)');    // { kind: 'kprobe', target: '' }: in brackets, a name and no hook
 * ```
 */
export function parseSection(section: string): ProgramSection {
  const name = section.startsWith('?') ? section.slice(1) : section;
  const slash = name.indexOf('/');
  const prefix = slash < 0 ? name : name.slice(0, slash);
  const after = slash < 0 ? '' : name.slice(slash + 1);
  // Not `kinds[prefix]`: a section may be called "constructor".
  const kind = Object.hasOwn(kinds, prefix)
    ? kinds[prefix]!
    : /^socket\d+$/.test(prefix)
      ? 'socket_filter'
      : 'unknown';
  return { kind, target: /^\(.*\)$/.test(after) ? '' : after };
}

/** What to write in the place of a section that names no kind of program. */
export function sectionHint(section: string): string {
  const [prefix, ...target] = section.replace(/^\?/, '').split('/') as [string, ...string[]];
  const [near] = nearest(prefix, Object.keys(kinds), 1);
  return near === undefined || near === prefix
    ? 'Name its hook, such as SEC("tracepoint/oom/mark_victim").'
    : `Did you mean SEC("${[near, ...target].join('/')}")?`;
}

/** What a section's name says about a program. */
export interface SectionType {
  /** As skep calls it: `tracepoint`, `kprobe`, `raw_tp`, `tp_btf`, `fentry`, `xdp`, …; `unknown` when libbpf has no such name. */
  type: string;
  /** What stands behind it: `oom/mark_victim`, `tcp_v4_connect`; '' when nothing does. */
  target: string;
  /** Is it loaded without being asked for? `SEC("?…")` is not. */
  autoload: boolean;
}

// The names libbpf knows (its section_defs, 1.7) and ours for them. Longer names come before their prefixes.
const SECTIONS: readonly (readonly [prefix: string, type: string])[] = [
  ['uprobe.session', 'uprobe.session'],
  ['uretprobe.multi', 'uretprobe.multi'],
  ['uprobe.multi', 'uprobe.multi'],
  ['kretprobe.multi', 'kretprobe.multi'],
  ['kprobe.session', 'kprobe.session'],
  ['kprobe.multi', 'kprobe.multi'],
  ['kretsyscall', 'kretsyscall'],
  ['ksyscall', 'ksyscall'],
  ['kretprobe', 'kretprobe'],
  ['kprobe', 'kprobe'],
  ['uretprobe', 'uretprobe'],
  ['uprobe', 'uprobe'],
  ['usdt', 'usdt'],
  ['raw_tracepoint.w', 'raw_tp.w'],
  ['raw_tracepoint', 'raw_tp'],
  ['raw_tp.w', 'raw_tp.w'],
  ['raw_tp', 'raw_tp'],
  ['tracepoint', 'tracepoint'],
  ['tp_btf', 'tp_btf'],
  ['tp', 'tracepoint'],
  ['fmod_ret', 'fmod_ret'],
  ['fentry', 'fentry'],
  ['fexit', 'fexit'],
  ['freplace', 'freplace'],
  ['fsession', 'fsession'],
  ['lsm_cgroup', 'lsm_cgroup'],
  ['lsm', 'lsm'],
  ['iter', 'iter'],
  ['syscall', 'syscall'],
  ['perf_event', 'perf_event'],
  ['socket', 'socket'],
  ['sk_reuseport', 'sk_reuseport'],
  ['sk_lookup', 'sk_lookup'],
  ['sk_skb', 'sk_skb'],
  ['sk_msg', 'sk_msg'],
  ['sockops', 'sockops'],
  ['tcx', 'tcx'],
  ['netkit', 'netkit'],
  ['netfilter', 'netfilter'],
  ['classifier', 'tc'],
  ['action', 'tc.action'],
  ['tc', 'tc'],
  ['xdp', 'xdp'],
  ['lwt_in', 'lwt_in'],
  ['lwt_out', 'lwt_out'],
  ['lwt_xmit', 'lwt_xmit'],
  ['lwt_seg6local', 'lwt_seg6local'],
  ['lirc_mode2', 'lirc_mode2'],
  ['flow_dissector', 'flow_dissector'],
  ['cgroup_skb', 'cgroup_skb'],
  ['cgroup', 'cgroup'],
  ['struct_ops', 'struct_ops'],
];

/**
 * Reads a program's section name: `tracepoint/oom/mark_victim` is a `tracepoint` on `oom/mark_victim`, `tp/…` and
 * `raw_tracepoint/…` go by one name each, `kprobe.s/x` is a `kprobe`.
 */
export function sectionType(section: string): SectionType {
  const autoload = !section.startsWith('?');
  const name = autoload ? section : section.slice(1);
  for (const [prefix, type] of SECTIONS) {
    if (!name.startsWith(prefix)) continue;
    const rest = name.slice(prefix.length).replace(/^\.s(?=\/|$)/, '');
    if (rest === '') return { type, target: '', autoload };
    // `xdp.frags/devmap` keeps its kind as part of the target, since it is still an xdp program.
    if (rest[0] === '/' || rest[0] === '+' || rest[0] === '.')
      return { type, target: rest.slice(1), autoload };
  }
  return { type: 'unknown', target: '', autoload };
}

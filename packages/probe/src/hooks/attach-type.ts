import type { KernelFacts, Verdict } from '@skep/bpf';

/**
 * Sections whose programs are attached by a type that came after Linux 5.10, with the version that brought it; many of
 * them load on kernels that then refuse to attach them.
 */
const newer: readonly (readonly [section: RegExp, attachType: string, since: string])[] = [
  [/^k(ret)?probe\.multi(\/|$)/, 'BPF_TRACE_KPROBE_MULTI', '5.18'],
  [/^kprobe\.session(\/|$)/, 'BPF_TRACE_KPROBE_SESSION', '6.10'],
  [/^u(ret)?probe\.multi(\.s)?(\/|$)/, 'BPF_TRACE_UPROBE_MULTI', '6.6'],
  [/^uprobe\.session(\.s)?(\/|$)/, 'BPF_TRACE_UPROBE_SESSION', '6.13'],
  [/^fsession(\.s)?(\/|$)/, 'BPF_TRACE_FSESSION', '7.0'],
  [/^netkit(\/|$)/, 'BPF_NETKIT_PRIMARY', '6.7'],
  [/^netfilter(\/|$)/, 'BPF_NETFILTER', '6.4'],
  [/^lsm_cgroup(\/|$)/, 'BPF_LSM_CGROUP', '6.0'],
  [/^cgroup\/connect_unix$/, 'BPF_CGROUP_UNIX_CONNECT', '6.7'],
  [/^cgroup\/sendmsg_unix$/, 'BPF_CGROUP_UNIX_SENDMSG', '6.7'],
  [/^cgroup\/recvmsg_unix$/, 'BPF_CGROUP_UNIX_RECVMSG', '6.7'],
  [/^cgroup\/getpeername_unix$/, 'BPF_CGROUP_UNIX_GETPEERNAME', '6.7'],
  [/^cgroup\/getsockname_unix$/, 'BPF_CGROUP_UNIX_GETSOCKNAME', '6.7'],
];

/** Why a kernel cannot attach programs of this section, by its own list of attach types; undefined when it can, or nobody knows. */
export function lacksAttachType(section: string, facts: KernelFacts): Verdict | undefined {
  const name = section.replace(/^\?/, '');
  const found = newer.find(([pattern]) => pattern.test(name));
  const types = found && facts.btf?.find('bpf_attach_type', 'enum');
  if (types?.kind !== 'enum' || types.values.some((v) => v.name === found![1])) return undefined;
  const kind = name.replace(/^(cgroup\/\w+).*|\/.*$/, '$1') || name;
  return {
    state: 'refused',
    reason: `this kernel attaches no ${kind} programs`,
    hint: `They came with Linux ${found![2]}.`,
  };
}

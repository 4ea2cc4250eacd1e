import type { KernelFacts, Verdict } from '@skep/bpf';
import type { HookProgram } from './types.ts';

/** Hooks that kernels with bpf_lsm_disabled_hooks (kernel/bpf/bpf_lsm.c, Linux 6.12 and older ones with its mends) keep programs off. */
const CLOSED = new Set([
  ...['vm_enough_memory', 'inode_need_killpriv', 'inode_getsecurity', 'inode_listsecurity'],
  ...['inode_copy_up_xattr', 'getselfattr', 'getprocattr', 'setprocattr', 'key_getsecurity'],
  ...['audit_rule_match', 'ismaclabel', 'file_alloc_security'],
]);

/** Hooks that have been in sleepable_lsm_hooks since Linux 5.11, or came with it. */
const MAY_SLEEP =
  /^(bpf|bpf_map|bpf_prog|bprm_\w+|capget|capset|cred_prepare|file_(ioctl|lock|open|receive)|inode_(create|getattr|getxattr|mknod|readlink|rename|rmdir|setattr|setxattr|symlink|unlink)|kernel_\w+|mmap_file|netlink_send|path_\w+|quota_on|sb_\w+|socket_(accept|bind|connect|create|getpeername|getsockname|getsockopt|listen|post_create|recvmsg|sendmsg|shutdown|socketpair)|syslog|task_(alloc|prctl|setscheduler|to_inode)|userns_create)$/;

/** What may stand against a program on a hook of the security modules, although the kernel has the hook. */
export function securityHook(
  { section, target }: HookProgram,
  [major, minor]: KernelFacts['version'],
): Verdict | undefined {
  if (CLOSED.has(target))
    return {
      state: 'unknown',
      reason: `kernels since 6.12, and mended older ones, keep programs off ${target}`,
    };
  const few = major === 5 && minor < 11;
  if (/^\??lsm\.s\//.test(section) && (few || !MAY_SLEEP.test(target)))
    return { state: 'unknown', reason: `whether a program on ${target} may sleep is not known` };
  return undefined;
}

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Every kind of tracing hook without a target: each is loaded only when one is given. */
#include "skep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SKEP_PARAM(__u32, only_pid, 0, "this process alone");
SKEP_PARAM(__u64, only_syscall, 0, "for the hooks that see every syscall");
SKEP_HASH(counter_runs, __u32, __u64, 64);

static __always_inline int hit(__u32 program)
{
	if (bpf_get_current_pid_tgid() >> 32 == only_pid)
		skep_add(&counter_runs, &program, 1);
	return 0;
}

#define PROGRAM(number, section, name) \
	SEC("?" section) int name(void *ctx) { return hit(number); }

PROGRAM(0, "tracepoint", at_tracepoint)
PROGRAM(1, "kprobe", at_kprobe)
PROGRAM(2, "kretprobe", at_kretprobe)
PROGRAM(3, "kprobe.multi", at_kprobe_multi)
PROGRAM(4, "kretprobe.multi", at_kretprobe_multi)
PROGRAM(5, "kprobe.session", at_session)
PROGRAM(6, "ksyscall", at_ksyscall)
PROGRAM(7, "kretsyscall", at_kretsyscall)
PROGRAM(8, "fentry", at_fentry)
PROGRAM(9, "fexit", at_fexit)
PROGRAM(10, "lsm", at_lsm)
PROGRAM(11, "uprobe", at_uprobe)
PROGRAM(12, "uretprobe", at_uretprobe)
PROGRAM(13, "uprobe.multi", at_uprobe_multi)
PROGRAM(14, "uretprobe.multi", at_uretprobe_multi)
PROGRAM(15, "perf_event", at_perf)
PROGRAM(16, "uprobe.s", at_uprobe_sleeping)
PROGRAM(17, "uprobe.multi.s", at_uprobe_multi_sleeping)
PROGRAM(18, "uprobe.session", at_uprobe_session)
PROGRAM(19, "uprobe.session.s", at_uprobe_session_sleeping)
PROGRAM(25, "fsession", at_fsession)

SEC("?raw_tp") int at_raw(__u64 *ctx)
{
	return ctx[1] == only_syscall ? hit(20) : 0;
}

SEC("?tp_btf") int at_btf(__u64 *ctx)
{
	return ctx[1] == only_syscall ? hit(21) : 0;
}

/* Named with its target, to be sent elsewhere. */
SEC("?fentry/vfs_fsync") int at_other(void *ctx)
{
	return hit(22);
}

SEC("?tracepoint/syscalls/sys_enter_setpriority") int at_elsewhere(void *ctx)
{
	return hit(23);
}

/* As bpfman's images have them: what follows is no hook. */
SEC("?kprobe/my_kprobe") int at_named(void *ctx)
{
	return hit(24);
}

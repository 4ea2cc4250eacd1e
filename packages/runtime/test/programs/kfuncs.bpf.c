/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Kernel functions: Linux 6.2. */
#include "skep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SKEP_PARAM(__u32, only_pid, 0, "this process alone");
SKEP_HASH(counter_seen, __u32, __u64, 64);

static __always_inline void see(__u32 what, __u64 n)
{
	skep_add(&counter_seen, &what, n);
}

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;

SKEP_PARAM(__u64, only_syscall, 0, "this syscall alone");

SEC("tp_btf/sys_enter") int entered(__u64 *ctx)
{
	struct task_struct *task;

	if (ctx[1] != only_syscall || bpf_get_current_pid_tgid() >> 32 != only_pid)
		return 0;
	task = bpf_task_from_pid(only_pid);
	if (!task)
		return 0;
	see(1, task->tgid == only_pid);
	bpf_task_release(task);
	return 0;
}

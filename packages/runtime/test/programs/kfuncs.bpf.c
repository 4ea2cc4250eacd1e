/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Kernel functions: Linux 6.2. */
#include "seen.h"

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;

SKEP_PARAM(__u64, only_syscall, 0, "this syscall alone");

SEC("tp_btf/sys_enter") int entered(__u64 *ctx)
{
	struct task_struct *task;

	if (ctx[1] != only_syscall || !ours())
		return 0;
	task = bpf_task_from_pid(only_pid);
	if (!task)
		return 0;
	see(1, task->tgid == only_pid);
	bpf_task_release(task);
	return 0;
}

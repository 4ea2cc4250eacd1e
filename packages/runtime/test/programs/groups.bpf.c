/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is kept with a cgroup: Linux 6.2. */
#include "seen.h"

struct {
	__uint(type, BPF_MAP_TYPE_CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} kept SEC(".maps");

SKEP_PARAM(__u64, only_syscall, 0, "this syscall alone");

SEC("tp_btf/sys_enter") int entered(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 *n;

	if (ctx[1] != only_syscall || !ours())
		return 0;
	n = bpf_cgrp_storage_get(&kept, task->cgroups->dfl_cgrp, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (n && ++*n == 10)
		see(1, *n);
	return 0;
}

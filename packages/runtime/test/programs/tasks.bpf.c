/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is kept with a task: Linux 5.11. */
#include "seen.h"

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} kept SEC(".maps");

SKEP_PARAM(__u64, only_syscall, 0, "this syscall alone");

SEC("tp_btf/sys_enter") int entered(__u64 *ctx)
{
	__u64 *n;

	if (ctx[1] != only_syscall || !ours())
		return 0;
	n = bpf_task_storage_get(&kept, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (n && ++*n == 10)
		see(1, *n);
	return 0;
}

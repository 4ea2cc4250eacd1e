/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* For programs that count what a process and its children do. */
#include "skep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SKEP_PARAM(__u32, target_pid, 0, "only this process and its children");

static __always_inline bool watched(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return target_pid && (bpf_get_current_pid_tgid() >> 32 == target_pid ||
			      BPF_CORE_READ(task, real_parent, tgid) == target_pid);
}

static __always_inline void count(void *map)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(map, &zero);

	if (n)
		__sync_fetch_and_add(n, 1);
}

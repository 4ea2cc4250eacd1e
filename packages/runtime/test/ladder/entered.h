/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* An entry that remembers, and a return that looks it up: a rung of two. */
#include "load.h"

SKEP_HASH(entered, __u64, __u8, 1024);

static __always_inline int remember(int vnr)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u8 yes = 1;

	if (vnr >= 1000000)
		bpf_map_update_elem(&entered, &id, &yes, BPF_ANY);
	return 0;
}

static __always_inline int end(__u32 rung)
{
	__u64 id = bpf_get_current_pid_tgid();

	if (!bpf_map_lookup_elem(&entered, &id))
		return 0;
	bpf_map_delete_elem(&entered, &id);
	return hit(rung);
}

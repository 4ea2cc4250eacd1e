/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What these programs have in common: they watch one process, and count what they have seen by a number of their own. */
#include "skep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SKEP_PARAM(__u32, only_pid, 0, "this process alone");
SKEP_HASH(counter_seen, __u32, __u64, 64);

static __always_inline void see(__u32 what, __u64 n)
{
	skep_add(&counter_seen, &what, n);
}

static __always_inline bool ours(void)
{
	return bpf_get_current_pid_tgid() >> 32 == only_pid;
}

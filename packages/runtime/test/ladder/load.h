/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Calls of getpgid by the watched process, counted by the rung that saw them. */
#include "skep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SKEP_PARAM(__u32, target_pid, 0, "only this process");

#ifdef __TARGET_ARCH_arm64
#define SYS_getpgid 155
#else
#define SYS_getpgid 121
#endif

SKEP_HASH(counter_calls, __u32, __u64, 16) SKEP_HELP("calls by rung");

static __always_inline int hit(__u32 rung)
{
	if (target_pid && bpf_get_current_pid_tgid() >> 32 == target_pid)
		skep_add(&counter_calls, &rung, 1);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A USDT probe that is named when it runs. */
#include "skep.h"
#include <bpf/usdt.bpf.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SKEP_HASH(counter_hits, __u32, __u64, 4);

SEC("usdt") int at_usdt(struct pt_regs *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;

	skep_add(&counter_hits, &pid, 1);
	return 0;
}

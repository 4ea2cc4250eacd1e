// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Each getpgid() of target_pid calls a helper, and the helper a function with a kprobe, whose program is not run: another
 * is running on this CPU.
 */
#include "misses.h"

SKEP_ARRAY(counter_triggered, __u64, 1);
SKEP_ARRAY(counter_ran, __u64, 1);

SEC("tracepoint/syscalls/sys_enter_getpgid")
int trigger(void *ctx)
{
	if (!watched())
		return 0;
	count(&counter_triggered);
	call_helper();
	return 0;
}

SEC("kprobe/strncpy_from_kernel_nofault")
int nested(void *ctx)
{
	if (watched())
		count(&counter_ran);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

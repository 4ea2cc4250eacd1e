// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Each getpgid() of target_pid calls a helper, and the helper a function with an fentry program, which calls the helper
 * again: for that it is not run.
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

SEC("fentry/strncpy_from_kernel_nofault")
int inner(void *ctx)
{
	if (!watched())
		return 0;
	count(&counter_ran);
	call_helper();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

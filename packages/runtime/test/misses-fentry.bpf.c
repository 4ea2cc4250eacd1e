// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Each getpgid() of target_pid calls a helper, and the helper a function with an fentry program, which calls the helper
 * again: for that it is not run.
 */
#include "family.h"
#include "misses-trigger.h"

SEC("fentry/strncpy_from_kernel_nofault")
int inner(void *ctx)
{
	if (!watched())
		return 0;
	count(&counter_ran);
	call_helper();
	return 0;
}

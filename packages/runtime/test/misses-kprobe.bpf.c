// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Each getpgid() of target_pid calls a helper, and the helper a function with a kprobe, whose program is not run: another
 * is running on this CPU.
 */
#include "family.h"
#include "misses-trigger.h"

SEC("kprobe/strncpy_from_kernel_nofault")
int nested(void *ctx)
{
	if (watched())
		count(&counter_ran);
	return 0;
}

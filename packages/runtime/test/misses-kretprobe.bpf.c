// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Calls of select(2) that begin and end: a kretprobe has room for so many that are under way, and misses the others. */
#include "family.h"

SKEP_ARRAY(counter_entered, __u64, 1);
SKEP_ARRAY(counter_returned, __u64, 1);

SEC("kprobe/do_select")
int entered(void *ctx)
{
	if (watched())
		count(&counter_entered);
	return 0;
}

SEC("kretprobe/do_select")
int returned(void *ctx)
{
	if (watched())
		count(&counter_returned);
	return 0;
}

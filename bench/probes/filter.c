// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What it costs to ask whose an event is: the same work with the question (-DASK) and without it. */
#include "skep.h"
#ifdef ASK
#include "skep_filter.h"
#endif

SKEP_PERCPU_ARRAY(counter_calls, __u64, 1);

SEC("tracepoint/syscalls/sys_enter_getpgid")
int on_getpgid(void *ctx)
{
	__u32 first = 0;
	__u64 *calls = bpf_map_lookup_elem(&counter_calls, &first);

#ifdef ASK
	if (!skep_watched())
		return 0;
#endif
	if (calls)
		*calls += 1;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A bloom filter: Linux 5.16. */
#include "seen.h"

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 64);
	__type(value, __u32);
} filter SEC(".maps");

/* Not on the stack: Linux 7.2 takes what only a bloom filter's peek reads for something that nobody does. */
static __u32 in = 7;

SEC("tp/syscalls/sys_enter_getpriority") int entered(void *ctx)
{

	if (!ours())
		return 0;
	see(1, bpf_map_peek_elem(&filter, &in) ? 1 : 0);
	bpf_map_push_elem(&filter, &in, 0);
	see(2, bpf_map_peek_elem(&filter, &in) ? 1 : 0);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What every probe of the benchmark does, so that the same object runs under skep and under bee: 36 bytes packed, bee's
 * headers, bee's map names. SIZE and MAP are given by the compiler's command line.
 */
#include "vmlinux.h"
#include "solo_types.h"
#include "bpf/bpf_helpers.h"

#ifndef RING_BYTES
#define RING_BYTES (16 * 1024 * 1024)
#endif

struct event {
	u32 pid;
	ipv4_addr addr;
	u64 value;
	u32 code;
	char comm[16];
} __attribute__((packed));

/* The truth: how many calls were seen, and how many of them found the ring full. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, u64);
} bench_truth SEC(".maps");

static __always_inline void truth(u32 which)
{
	u64 *n = bpf_map_lookup_elem(&bench_truth, &which);

	if (n)
		__sync_fetch_and_add(n, 1);
}

/* Only the generator's calls: everybody else's cost one comparison. */
static __always_inline bool ours(void)
{
	char comm[16] = {};

	bpf_get_current_comm(comm, sizeof(comm));
	return comm[0] == 's' && comm[1] == 'k' && comm[2] == 'e' && comm[3] == 'p' && comm[4] == 'g' &&
	       comm[5] == 'e' && comm[6] == 'n' && !comm[7];
}

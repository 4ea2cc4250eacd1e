/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A ring that user space writes to, and a loop with a callback: Linux 6.1. */
#include "seen.h"

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 65536);
} ring SEC(".maps");

static long sample(struct bpf_dynptr *data, void *context)
{
	see(3, 1);
	return 0;
}

static long turn(__u32 i, void *context)
{
	see(2, 1);
	return 0;
}

SEC("tp/syscalls/sys_enter_getpriority") int entered(void *ctx)
{
	if (!ours())
		return 0;
	see(1, bpf_user_ringbuf_drain(&ring, sample, 0, 0) + 1);
	bpf_loop(3, turn, 0, 0);
	return 0;
}

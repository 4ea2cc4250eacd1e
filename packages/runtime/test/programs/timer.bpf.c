/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A timer that a packet starts: Linux 5.15. */
#include "seen.h"

struct timer_slot {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct timer_slot);
} timers SEC(".maps");

static int rang(void *map, __u32 *key, struct timer_slot *slot)
{
	see(2, 1);
	return 0;
}

SEC("socket") int packet(struct __sk_buff *skb)
{
	__u32 first = 0;
	struct timer_slot *slot = bpf_map_lookup_elem(&timers, &first);

	if (!slot)
		return 0;
	see(1, 1);
	bpf_timer_init(&slot->timer, &timers, 1 /* CLOCK_MONOTONIC */);
	bpf_timer_set_callback(&slot->timer, rang);
	bpf_timer_start(&slot->timer, 1000, 0);
	return 0;
}

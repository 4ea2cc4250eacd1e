/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Packets that come in, counted among the netfilter hooks; none is held up. */
#include "skep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SKEP_HASH(counter_packets, __u32, __u64, 16);

SEC("netfilter") int at_netfilter(void *ctx)
{
	__u32 hook = 0;

	skep_add(&counter_packets, &hook, 1);
	return 1; /* NF_ACCEPT */
}

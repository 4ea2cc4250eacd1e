/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Drops what it sees: to be refused unless that is allowed. */
#include "skep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SKEP_HASH(counter_packets, __u32, __u64, 16);

SEC("xdp") int drops(struct xdp_md *ctx)
{
	__u32 key = 0;

	skep_add(&counter_packets, &key, 1);
	return ctx->rx_queue_index == 0 ? XDP_DROP : XDP_PASS;
}

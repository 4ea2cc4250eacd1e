/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What passes an interface or comes to a namespace, counted at every kind of hook; nothing is held up. */
#include "skep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum hook { AT_XDP = 0, AT_TC = 1, AT_SOCKET = 2, AT_LOOKUP = 3 };

SKEP_HASH(counter_packets, __u32, __u64, 16) SKEP_HELP("packets by hook");

static __always_inline void hit(__u32 hook)
{
	skep_add(&counter_packets, &hook, 1);
}

SEC("xdp") int at_xdp(struct xdp_md *ctx)
{
	hit(AT_XDP);
	return XDP_PASS;
}

SEC("tc") int at_tc(struct __sk_buff *skb)
{
	hit(AT_TC);
	return 0; /* TC_ACT_OK */
}

SEC("socket") int at_socket(struct __sk_buff *skb)
{
	hit(AT_SOCKET);
	return 0;
}

SEC("sk_lookup") int at_lookup(struct bpf_sk_lookup *ctx)
{
	hit(AT_LOOKUP);
	return SK_PASS;
}

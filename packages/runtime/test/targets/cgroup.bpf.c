/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a cgroup sends and connects to, counted; nothing is held up. */
#include "skep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum hook { AT_EGRESS = 0, AT_CONNECT = 1, AT_SOCKOPS = 2 };

SKEP_HASH(counter_packets, __u32, __u64, 16) SKEP_HELP("packets by hook");

static __always_inline void hit(__u32 hook)
{
	skep_add(&counter_packets, &hook, 1);
}

SEC("cgroup_skb/egress") int at_egress(struct __sk_buff *skb)
{
	hit(AT_EGRESS);
	return 1;
}

SEC("cgroup/connect4") int at_connect(struct bpf_sock_addr *ctx)
{
	hit(AT_CONNECT);
	return 1;
}

SEC("sockops") int at_sockops(struct bpf_sock_ops *ctx)
{
	if (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		hit(AT_SOCKOPS);
	return 1;
}

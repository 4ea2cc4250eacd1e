// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Asked in test runs what its lists hold: args[0] is the question, the others the value. */
#include "skep.h"

SKEP_PARAM_PORTS(ports, 4, "ports");
SKEP_PARAM_CIDRS(peers, 4, "peers");
SKEP_PARAM_COMMS(comms, 4, "commands");
SKEP_PARAM_RANGE(__u32, sample, 1, 1, 100, "one of");

SEC("raw_tp") int ask(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 words[2] = { ctx->args[1], ctx->args[2] };
	__u64 question = ctx->args[0];

	if (question == 0)
		return skep_in(ports, words[0]);
	if (question == 1)
		return skep_listed(ports, words[0]);
	if (question == 2)
		return skep_ip_in(peers, words);
	if (question == 3)
		return skep_ipv4_in(peers, (__u32)words[0]);
	if (question == 4)
		return skep_comm_in(comms, words);
	return skep_any(ports);
}

char LICENSE[] SEC("license") = "GPL";

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A rung that jumps through maps which the source fills: libbpf fills them when it loads, also where nobody names them. */
#include "load.h"

int landed(void *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} jumps SEC(".maps") = { .values = { [0] = (void *)&landed } };

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { [0] = &inner } };

SEC("raw_tp/sys_enter") int landed(void *ctx) { return hit(1); }

SKEP_RUNG(calls, 1, jumping) SEC("raw_tp/sys_enter") int jump(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 first = 0;

	if (ctx->args[1] == SYS_getpgid && bpf_map_lookup_elem(&outer, &first))
		bpf_tail_call(ctx, &jumps, 0);
	return 0;
}

SKEP_RUNG(calls, 2, walking) SEC("raw_tp/sys_enter") int walk(struct bpf_raw_tracepoint_args *ctx)
{
	return ctx->args[1] == SYS_getpgid ? hit(2) : 0;
}

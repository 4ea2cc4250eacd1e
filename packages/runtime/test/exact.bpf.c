// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Everything that can be lost, in places too small for it. Each getpgid(1000000 + n) of a child of target_pid is one
 * sent; `sent` counts them on each CPU.
 */
#include "family.h"

struct call {
	__u64 n;
	char more[48];
};

SKEP_EVENTS(print_calls, struct call, 4096);
SKEP_HASH(counter_args, __u32, __u64, 10);
SKEP_HASH(seen, __u32, __u64, 10);
SKEP_STACKS(stacks, 1);
SKEP_PERCPU_ARRAY(counter_sent, __u64, 1);

SEC("tracepoint/syscalls/sys_enter_getpgid")
int calls(struct trace_event_raw_sys_enter *ctx)
{
	__u64 n = ctx->args[0] - 1000000, first = 1;
	__u32 key = n, zero = 0;
	struct call *e;
	__u64 *sent;

	if (!watched())
		return 0;
	sent = bpf_map_lookup_elem(&counter_sent, &zero);
	if (sent)
		__sync_fetch_and_add(sent, 1); /* a program may be preempted since 6.16 */
	skep_add(&counter_args, &key, 1);
	skep_update(&seen, &key, &first, BPF_ANY);
	e = skep_begin(print_calls);
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	e->n = n;
	skep_send(ctx, print_calls, e);
	return 0;
}

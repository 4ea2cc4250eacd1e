// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Streams that can be ring or perf buffers: each getpgid(1000000 + n) of target_pid sends n. */
#include "skep.h"

SKEP_PARAM(__u32, target_pid, 0, "only this process");

struct call {
	__u64 n SKEP_HELP("the argument");
	char comm[16];
	__u32 half;
	__u8 text[3];
};

struct kind {
	__u32 odd;
};

SKEP_EVENTS(print_calls, struct call, 64 * 1024) SKEP_HELP("one row a call");
SKEP_EVENTS(counter_kinds, struct kind, 64 * 1024) SKEP_HELP("calls by whether their argument is odd");
SKEP_EVENTS(print_small, struct call, 4096);

SEC("tracepoint/syscalls/sys_enter_getpgid")
int calls(struct trace_event_raw_sys_enter *ctx)
{
	__u64 n = ctx->args[0] - 1000000;
	struct call *e;
	struct kind *kind;

	if (!target_pid || bpf_get_current_pid_tgid() >> 32 != target_pid)
		return 0;
	kind = skep_begin(counter_kinds);
	if (kind) {
		kind->odd = n & 1;
		skep_send(ctx, counter_kinds, kind);
	}
	e = skep_begin(print_calls);
	if (!e)
		return 0;
	e->n = n;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	e->half = n / 2;
	__builtin_memcpy(e->text, "abc", sizeof(e->text));
	if (n % 5 == 4)
		skep_drop(print_calls, e);
	else
		skep_send(ctx, print_calls, e);
	return 0;
}

/* And the same into a stream that is too small, by another call, in the middle of another record. */
SEC("tracepoint/syscalls/sys_enter_getsid")
int more(struct trace_event_raw_sys_enter *ctx)
{
	struct call *e;

	if (!target_pid || bpf_get_current_pid_tgid() >> 32 != target_pid)
		return 0;
	e = skep_begin(print_small);
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	e->n = ctx->args[0];
	skep_send(ctx, print_small, e);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

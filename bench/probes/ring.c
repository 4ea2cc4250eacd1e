// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* One record a call, into the ring buffer named by MAP: counter_events, print_events. */
#include "event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
	__type(value, struct event);
} MAP SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_getpgid")
int on_getpgid(struct trace_event_raw_sys_enter *ctx)
{
	struct event *e;

	if (!ours())
		return 0;
	truth(0);
	e = bpf_ringbuf_reserve(&MAP, sizeof(*e), 0);
	if (!e) {
		truth(1);
		return 0;
	}
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->addr = 10 | ((u32)(ctx->args[0] - 1000000000) << 8);
	e->value = 4096;
	e->code = 7;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

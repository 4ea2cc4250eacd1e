// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The benchmark's event as a gadget of Inspektor Gadget: the same hook, filter, record and truth map. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <gadget/buffer.h>
#include <gadget/macros.h>

struct event {
	__u32 pid;
	__u32 addr;
	__u64 value;
	__u32 code;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} bench_truth SEC(".maps");

GADGET_TRACER_MAP(events, 16 * 1024 * 1024);
GADGET_TRACER(calls, events, event);

static __always_inline void truth(__u32 which)
{
	__u64 *n = bpf_map_lookup_elem(&bench_truth, &which);

	if (n)
		__sync_fetch_and_add(n, 1);
}

SEC("tracepoint/syscalls/sys_enter_getpgid")
int on_getpgid(struct trace_event_raw_sys_enter *ctx)
{
	char comm[16] = {};
	struct event *e;

	bpf_get_current_comm(comm, sizeof(comm));
	if (comm[0] != 's' || comm[4] != 'g' || comm[6] != 'n' || comm[7])
		return 0;
	truth(0);
	e = gadget_reserve_buf(&events, sizeof(*e));
	if (!e) {
		truth(1);
		return 0;
	}
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->addr = 10 | ((__u32)(ctx->args[0] - 1000000000) << 8);
	e->value = 4096;
	e->code = 7;
	__builtin_memcpy(e->comm, comm, sizeof(e->comm));
	gadget_submit_buf(ctx, &events, e, sizeof(*e));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

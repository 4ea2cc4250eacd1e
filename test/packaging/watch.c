// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// What the package's test runs: one system call with one argument, which nobody else makes.
#include "skep.h"

struct call {
	__u64 argument;
	char comm[16];
};
SKEP_EVENTS(print_calls, struct call, 4096);

SEC("tp/syscalls/sys_enter_getpgid")
int calls(struct trace_event_raw_sys_enter *ctx)
{
	struct call *e;

	if (BPF_CORE_READ(ctx, args[0]) != 424242)
		return 0;
	e = skep_begin(print_calls);
	if (!e)
		return 0;
	e->argument = 424242;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	skep_send(ctx, print_calls, e);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

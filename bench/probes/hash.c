// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Counted in the kernel: a hash map that user space polls. As many keys as the generator has sets. */
#include "event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct event);
	__type(value, u64);
} counter_hash SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_getpgid")
int on_getpgid(struct trace_event_raw_sys_enter *ctx)
{
	struct event key = {};
	u64 one = 1, *n;

	if (!ours())
		return 0;
	truth(0);
	key.pid = bpf_get_current_pid_tgid() >> 32;
	key.addr = 10 | ((u32)(ctx->args[0] - 1000000000) << 8);
	key.value = 4096;
	key.code = 7;
	bpf_get_current_comm(key.comm, sizeof(key.comm));
	n = bpf_map_lookup_elem(&counter_hash, &key);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&counter_hash, &key, &one, BPF_ANY);
	return 0;
}

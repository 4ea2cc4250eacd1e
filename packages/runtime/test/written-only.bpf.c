// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* An LRU hash that user space may not read. */
#include "skep.h"

SKEP_PARAM(__u32, target_pid, 0, "only this process");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_WRONLY);
	__type(key, __u32);
	__type(value, __u64);
} written_only SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_getpgid")
int write_only(struct trace_event_raw_sys_enter *ctx)
{
	__u32 key = ctx->args[0];
	__u64 one = 1;

	if (target_pid && bpf_get_current_pid_tgid() >> 32 == target_pid)
		bpf_map_update_elem(&written_only, &key, &one, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

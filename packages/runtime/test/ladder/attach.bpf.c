/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The best rung loads; its first program attaches, its second does not: it reads more than the event hands over. */
#include "load.h"

/* Each rung has a map that the other does not name. */
SKEP_HASH(of_broken, __u32, __u64, 333);
SKEP_HASH(of_sound, __u32, __u64, 555);

SKEP_RUNG(calls, 1, broken) SEC("raw_tp/sys_enter") int attaches(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 key = 0;

	return ctx->args[1] == SYS_getpgid && bpf_map_lookup_elem(&of_broken, &key) ? hit(1) : 0;
}

SKEP_RUNG(calls, 1, broken) SEC("raw_tp/sched_process_exit") int fails(struct bpf_raw_tracepoint_args *ctx)
{
	return ctx->args[9] == 1 ? hit(1) : 0;
}

SKEP_RUNG(calls, 2, sound) SEC("raw_tp/sys_exit") int returns(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx->args[0];
	__u32 key = 0;
	__u64 one = 1;
	long nr;

#ifdef __TARGET_ARCH_arm64
	nr = BPF_CORE_READ(regs, syscallno);
#else
	nr = BPF_CORE_READ(regs, orig_ax);
#endif
	if (nr != SYS_getpgid || bpf_map_update_elem(&of_sound, &key, &one, BPF_ANY))
		return 0;
	return hit(2);
}

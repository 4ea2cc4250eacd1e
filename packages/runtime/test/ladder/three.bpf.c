/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Three rungs of a group, two of them sets; a third that no kernel carries; an optional group that none has. */
#include "load.h"

SKEP_HASH(entered, __u64, __u8, 1024);

static __always_inline int begin(int vnr)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u8 yes = 1;

	if (vnr >= 1000000)
		bpf_map_update_elem(&entered, &id, &yes, BPF_ANY);
	return 0;
}

static __always_inline int end(__u32 rung)
{
	__u64 id = bpf_get_current_pid_tgid();

	if (!bpf_map_lookup_elem(&entered, &id))
		return 0;
	bpf_map_delete_elem(&entered, &id);
	return hit(rung);
}

SKEP_RUNG(calls, 5, fentry) SKEP_FENTRY(find_task_by_vpid, fentry_begin, int vnr) { return begin(vnr); }
SKEP_RUNG(calls, 5, fentry)
SKEP_FEXIT(find_task_by_vpid, fentry_end, int vnr, struct task_struct *task) { return end(1); }

SKEP_RUNG(calls, 10, kprobe) SKEP_KPROBE(find_task_by_vpid, kprobe_begin, int vnr) { return begin(vnr); }
SKEP_RUNG(calls, 10, kprobe) SKEP_KRETPROBE(find_task_by_vpid, kprobe_end) { return end(2); }

SKEP_RUNG(calls, 20, tp_btf) SKEP_TP_BTF(sys_enter, event, struct pt_regs *regs, long id)
{
	return id == SYS_getpgid ? hit(3) : 0;
}

/* Best by its order, but its arguments are not those of the function. */
SKEP_RUNG(calls, 1, wrong) SKEP_FENTRY(find_task_by_vpid, wrong_type, struct sock *sk) { return hit(9); }
SKEP_RUNG(calls, 2, many) SKEP_TP_BTF(sys_enter, wrong_count, struct pt_regs *regs, long id, int more) { return hit(9); }

SKEP_OPTIONAL SKEP_WITHOUT("no extra column") SKEP_RUNG(extra, 1, kprobe)
SKEP_KPROBE(skep_is_not_in_a_kernel, extra_kprobe, int x) { return hit(8); }
SKEP_RUNG(extra, 2, tracepoint)
SEC("tracepoint/skep/is_not_in_a_kernel") int extra_tracepoint(void *ctx) { return hit(8); }

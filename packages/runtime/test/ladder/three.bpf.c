/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Three rungs of a group, two of them sets; a third that no kernel carries; an optional group that none has. */
#include "entered.h"

SKEP_RUNG(calls, 5, fentry) SKEP_FENTRY(find_task_by_vpid, fentry_begin, int vnr) { return remember(vnr); }
SKEP_RUNG(calls, 5, fentry)
SKEP_FEXIT(find_task_by_vpid, fentry_end, int vnr, struct task_struct *task) { return end(1); }

SKEP_RUNG(calls, 10, kprobe) SKEP_KPROBE(find_task_by_vpid, kprobe_begin, int vnr) { return remember(vnr); }
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

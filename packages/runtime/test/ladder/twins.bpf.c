/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Twins without tags, as libbpf-tools has them: an entry that remembers, an exit that looks it up, and an event. */
#include "entered.h"

SKEP_HASH(counter_events, __u32, __u64, 16) SKEP_HELP("the same calls, seen by an event");

/* A function of its own, through which its maps have to be found. */
static __noinline int begin(int vnr)
{
	return remember(vnr);
}

static __always_inline int event(__u32 rung, long nr)
{
	if (nr == SYS_getpgid && target_pid && bpf_get_current_pid_tgid() >> 32 == target_pid)
		skep_add(&counter_events, &rung, 1);
	return 0;
}

SEC("kprobe/find_task_by_vpid") int BPF_KPROBE(kprobe_begin, int vnr) { return begin(vnr); }
SEC("kretprobe/find_task_by_vpid") int BPF_KRETPROBE(kprobe_end) { return end(2); }
SEC("fentry/find_task_by_vpid") int BPF_PROG(fentry_begin, int vnr) { return begin(vnr); }
SEC("fexit/find_task_by_vpid") int BPF_PROG(fentry_end, int vnr, struct task_struct *task) { return end(1); }

SEC("raw_tp/sys_enter") int BPF_PROG(raw_enter, struct pt_regs *regs, long id) { return event(2, id); }
SEC("tp_btf/sys_enter") int BPF_PROG(btf_enter, struct pt_regs *regs, long id) { return event(1, id); }

/* Not twins: they share no map. */
SEC("tp_btf/sched_process_exit") int BPF_PROG(btf_exit) { return event(7, 0); }
SEC("raw_tp/sched_process_exit") int BPF_PROG(raw_exit) { return 0; }

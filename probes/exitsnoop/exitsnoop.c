// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Processes that end: how long they lived and with what exit code or signal.
 *
 * The hook runs for each thread; a process has ended when its last thread has. That thread need not be the first one,
 * so the end is told by signal->live, which the kernel has brought down to 0 by then. Two threads that end at once can
 * both find it at 0 before either reaches the hook: `seen` lets one of them through.
 */
#include "skep.h"
#include "skep_filter.h"

SKEP_PARAM(bool, failed_only, false, "only processes that ended with an exit code other than 0 or by a signal");

struct ended {
	__u32 pid SKEP_HELP("process id");
	__u32 ppid SKEP_HELP("parent's process id");
	user_id_t uid SKEP_HELP("user");
	char comm[16] SKEP_HELP("command name of the thread that ended last");
	__u32 exit_code SKEP_HELP("as given to exit(3)");
	signal_t signal SKEP_HELP("the signal that ended it, 0 when none did");
	bool core_dumped SKEP_HELP("whether it left a core dump");
	duration_ns age SKEP_HELP("how long it lived");
};

/* Which process, also when its id is used again. */
struct process {
	__u32 pid;
	__u64 started;
} __attribute__((packed));

SKEP_LRU_HASH(seen, struct process, __u8, 8192);
SKEP_EVENTS(print_exits, struct ended, 256 * 1024) SKEP_HELP("one row a process that ended");

static __always_inline int process_exit(void *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct process process = {};
	struct ended *e;
	__u8 yes = 1;
	__u32 code;

	if (BPF_CORE_READ(task, signal, live.counter) != 0 || !skep_watched())
		return 0;
	process.pid = bpf_get_current_pid_tgid() >> 32;
	process.started = BPF_CORE_READ(task, group_leader, start_time);
	/* For want of room it is told perhaps twice, and not never. */
	if ((int)bpf_map_update_elem(&seen, &process, &yes, BPF_NOEXIST) == -17 /* EEXIST */)
		return 0;
	/* When the whole group was told to end, by exit_group or a signal, the code is the group's. */
	code = BPF_CORE_READ(task, signal, group_exit_code);
	if (!code)
		code = BPF_CORE_READ(task, exit_code);
	if (failed_only && !code)
		return 0;
	e = skep_begin(print_exits);
	if (!e)
		return 0;
	e->pid = process.pid;
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	e->uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	e->exit_code = (code >> 8) & 0xff;
	e->signal = code & 0x7f;
	e->core_dumped = code & 0x80;
	e->age = bpf_ktime_get_ns() - process.started;
	skep_send(ctx, print_exits, e);
	return 0;
}

SKEP_EVENT(exit, sched, sched_process_exit, process_exit)

char LICENSE[] SEC("license") = "Dual BSD/GPL";

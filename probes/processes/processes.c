// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The life of processes: forks, execs, exits, in the order in which they happened. What the agent needs to know who a
 * process was that has ended before anybody could look at it.
 */
#include "skep.h"
#include "skep_filter.h"

#define ARGS_MAX 256

enum process_change { PROCESS_FORK, PROCESS_EXEC, PROCESS_EXIT };

struct process_event {
	timestamp_ns time SKEP_HELP("when");
	enum process_change change SKEP_HELP("forked, became another program, or ended");
	__u32 pid SKEP_HELP("process id");
	__u32 ppid SKEP_HELP("parent's process id");
	user_id_t uid SKEP_HELP("user");
	__u64 started SKEP_HELP("when the process began, ns since the machine did");
	cgroup_id_t cgroup SKEP_HELP("cgroup (v2) of the process");
	char comm[16] SKEP_HELP("command name");
	char exe[128] SKEP_HELP("of an exec: the program's path, as it was given");
	char args[ARGS_MAX] SKEP_HELP("of an exec: the arguments, separated by spaces, cut at 255 bytes");
};

/* Large, so that a machine that starts many processes is looked at sixty times a second and not more often. */
SKEP_EVENTS(print_processes, struct process_event, 1024 * 1024) SKEP_HELP("one row a fork, exec or exit of a process");

/* Linux 5.5 called it real_start_time; nothing here is that old. */
static __always_inline struct process_event *begin(struct task_struct *task, enum process_change change)
{
	struct process_event *e = skep_begin(print_processes);

	if (!e)
		return 0;
	e->time = bpf_ktime_get_ns();
	e->change = change;
	e->pid = BPF_CORE_READ(task, tgid);
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	e->uid = BPF_CORE_READ(task, real_cred, uid.val);
	e->started = BPF_CORE_READ(task, group_leader, start_boottime);
	e->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	BPF_CORE_READ_STR_INTO(&e->comm, task, group_leader, comm);
	__builtin_memset(e->exe, 0, sizeof(e->exe));
	__builtin_memset(e->args, 0, sizeof(e->args));
	return e;
}

/* A thread is no process. Its parent is asked, who is current: the child's own names are copies. */
static __always_inline int forked(void *ctx, struct task_struct *child)
{
	struct process_event *e;

	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid) || !skep_watched())
		return 0;
	e = begin(child, PROCESS_FORK);
	if (e)
		skep_send(ctx, print_processes, e);
	return 0;
}

SKEP_RUNG(fork, 1, tp_btf)
SKEP_TP_BTF(sched_process_fork, fork_tp_btf, struct task_struct *parent, struct task_struct *child)
{
	return forked(ctx, child);
}

SKEP_RUNG(fork, 2, raw_tp)
SKEP_RAW_TP(sched_process_fork, fork_raw_tp, struct task_struct *parent, struct task_struct *child)
{
	return forked(ctx, child);
}

/* Copies what an exec has put on the new program's stack; execsnoop says how. */
static __always_inline void copy_args(struct task_struct *task, struct process_event *e)
{
	unsigned long start = BPF_CORE_READ(task, mm, arg_start), size = BPF_CORE_READ(task, mm, arg_end) - start;

	if (size > ARGS_MAX)
		size = ARGS_MAX;
	if (bpf_probe_read_user(e->args, size, (const void *)start) < 0)
		e->args[0] = 0;
	for (__u32 i = 0; i < ARGS_MAX; i++)
		e->args[i] |= (((__u32)(__u8)e->args[i] - 1) >> 26) & ' ';
	e->args[(size - 1) & (ARGS_MAX - 1)] = 0;
}

static __always_inline int became(void *ctx, struct task_struct *task, struct linux_binprm *program)
{
	struct process_event *e;

	if (!skep_watched())
		return 0;
	e = begin(task, PROCESS_EXEC);
	if (!e)
		return 0;
	bpf_probe_read_kernel_str(e->exe, sizeof(e->exe), BPF_CORE_READ(program, filename));
	copy_args(task, e);
	skep_send(ctx, print_processes, e);
	return 0;
}

SKEP_RUNG(exec, 1, tp_btf)
SKEP_TP_BTF(sched_process_exec, exec_tp_btf, struct task_struct *task, int old_pid, struct linux_binprm *program)
{
	return became(ctx, task, program);
}

SKEP_RUNG(exec, 2, raw_tp)
SKEP_RAW_TP(sched_process_exec, exec_raw_tp, struct task_struct *task, int old_pid, struct linux_binprm *program)
{
	return became(ctx, task, program);
}

/* The last thread's end is the process's; two that end at once may both be the last: whoever reads can bear it. */
static __always_inline int process_exit(void *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct process_event *e;

	if (BPF_CORE_READ(task, signal, live.counter) != 0 || !skep_watched())
		return 0;
	e = begin(task, PROCESS_EXIT);
	if (e)
		skep_send(ctx, print_processes, e);
	return 0;
}

SKEP_EVENT(exit, sched, sched_process_exit, process_exit)

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Programs that are started, with their arguments.
 *
 * The hook runs when an execve has succeeded and the new program's stack is set up, so the arguments are read from
 * there, once. A failed execve starts nothing and is not shown.
 */
#include "skep.h"
#include "skep_filter.h"

#define ARGS_MAX 512

struct exec {
	__u32 pid SKEP_HELP("process id");
	__u32 ppid SKEP_HELP("parent's process id");
	user_id_t uid SKEP_HELP("user");
	char comm[16] SKEP_HELP("the new command name");
	char parent[16] SKEP_HELP("the parent's command name");
	bool cut SKEP_HELP("whether the arguments were longer than is shown");
	char args[ARGS_MAX] SKEP_HELP("the arguments, separated by spaces, cut at 511 bytes");
};

SKEP_EVENTS(print_execs, struct exec, 1024 * 1024) SKEP_HELP("one row a started program");

static __always_inline int exec(void *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	unsigned long start, end, size;
	struct exec *e;

	if (!skep_watched())
		return 0;
	e = skep_begin(print_execs);
	if (!e)
		return 0;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	e->uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	BPF_CORE_READ_STR_INTO(&e->parent, task, real_parent, group_leader, comm);

	start = BPF_CORE_READ(task, mm, arg_start);
	end = BPF_CORE_READ(task, mm, arg_end);
	size = end - start;
	e->cut = size > ARGS_MAX;
	if (size > ARGS_MAX)
		size = ARGS_MAX;
	__builtin_memset(e->args, 0, sizeof(e->args));
	if (bpf_probe_read_user(e->args, size, (const void *)start) < 0)
		e->args[0] = 0;
	/*
	 * Each argument ends with a NUL, which becomes the space between two: 0 - 1 is all ones, of which the shift leaves
	 * the bit of a space. Without a branch, since verifiers before 6.6 follow each of 512 branches both ways.
	 */
	for (__u32 i = 0; i < ARGS_MAX; i++)
		e->args[i] |= (((__u32)(__u8)e->args[i] - 1) >> 26) & ' ';
	e->args[(size - 1) & (ARGS_MAX - 1)] = 0;
	skep_send(ctx, print_execs, e);
	return 0;
}

SKEP_EVENT(exec, sched, sched_process_exec, exec)

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The life of processes: forks, execs, exits, in the order in which they happened. What the agent needs to know who a
 * process was that has ended before anybody could look at it.
 */
#include "skep.h"
#include "skep_filter.h"

#define ARGS_MAX 256
#define NAME_MAX_BYTES 64
#define ATTRIBUTES_MAX 256

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
	char otel_service_name[NAME_MAX_BYTES] SKEP_HELP("of an exec: this variable of its environment, cut at 63 bytes");
	char otel_resource_attributes[ATTRIBUTES_MAX] SKEP_HELP("of an exec: likewise, cut at 255 bytes");
	char dd_service[NAME_MAX_BYTES] SKEP_HELP("of an exec: likewise, cut at 63 bytes");
};

/* Which process, also when its id is used again. */
struct process {
	__u32 pid;
	__u64 started;
} __attribute__((packed));

SKEP_LRU_HASH(ended, struct process, __u8, 8192);

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
	__builtin_memset(e->otel_service_name, 0, sizeof(e->otel_service_name));
	__builtin_memset(e->otel_resource_attributes, 0, sizeof(e->otel_resource_attributes));
	__builtin_memset(e->dd_service, 0, sizeof(e->dd_service));
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

/*
 * The three variables that name a service, of an environment that lies on the new program's stack behind its arguments;
 * nothing else of it leaves the kernel. Of a variable that is there twice getenv() finds the first, and so do we.
 */
#define ENV_PIECE 128
/* So many pieces are looked through, 64 KiB or 512 variables: a loop within a loop, which the verifier is done with sooner. */
#define ENV_PIECES 16
#define ENV_ROUNDS 32

#define OTEL_SERVICE_NAME "OTEL_SERVICE_NAME="
#define OTEL_RESOURCE_ATTRIBUTES "OTEL_RESOURCE_ATTRIBUTES="
#define DD_SERVICE "DD_SERVICE="

static __always_inline bool begins_with(const char *piece, const char *name, int length)
{
	for (int i = 0; i < length; i++)
		if (piece[i] != name[i])
			return false;
	return true;
}

/* The number of the variable that begins here, 0 for any other; `length` is how far it goes on, 0 when it cannot be read. */
static __always_inline int variable_at(unsigned long at, int *length)
{
	char piece[ENV_PIECE], before = 1;
	int which = 0;

	*length = bpf_probe_read_user_str(piece, sizeof(piece), (const void *)at);
	if (*length < 0) {
		*length = 0;
		return 0;
	}
	/* Older kernels, 5.10 for one, do not count the NUL of an empty text. */
	if (!*length)
		*length = 1;
	/* A full piece has lost its last byte to the NUL: the variable goes on there, or ends. */
	if (*length >= ENV_PIECE)
		*length = ENV_PIECE - 1;
	if (begins_with(piece, OTEL_SERVICE_NAME, sizeof(OTEL_SERVICE_NAME) - 1))
		which = 1;
	else if (begins_with(piece, OTEL_RESOURCE_ATTRIBUTES, sizeof(OTEL_RESOURCE_ATTRIBUTES) - 1))
		which = 2;
	else if (begins_with(piece, DD_SERVICE, sizeof(DD_SERVICE) - 1))
		which = 3;
	/* Such words may stand within another variable. */
	if (which && (bpf_probe_read_user(&before, 1, (const void *)(at - 1)) || before))
		return 0;
	return which;
}

/*
 * How far it is to the next of our variables, at most ENV_PIECES pieces, and above 16 bits which it is; 0 at the end.
 * Global functions are verified by themselves, once, and not in each turn of a loop that calls them.
 */
__noinline int environment_next(unsigned long from, unsigned long end)
{
	unsigned long at = from;

	for (int i = 0; i < ENV_PIECES && at < end; i++) {
		int length, which = variable_at(at, &length);

		if (which)
			return (at - from) | which << 16;
		if (!length)
			break;
		at += length;
	}
	return at - from;
}

#define copy_variable(member, at, end, name)                                                               \
	if ((at) < (end))                                                                                  \
	bpf_probe_read_user_str(member, sizeof(member), (const void *)((at) + sizeof(name) - 1))

static __always_inline void copy_names(struct task_struct *task, struct process_event *e)
{
	unsigned long at = BPF_CORE_READ(task, mm, env_start), end = BPF_CORE_READ(task, mm, env_end);
	unsigned long service = end, attributes = end, datadog = end;

	for (int i = 0; i < ENV_ROUNDS && at < end; i++) {
		int next = environment_next(at, end), which = next >> 16;

		if (!next)
			break;
		at += next & 0xffff;
		if (which == 1 && service == end)
			service = at;
		if (which == 2 && attributes == end)
			attributes = at;
		if (which == 3 && datadog == end)
			datadog = at;
		at += which != 0;
	}
	copy_variable(e->otel_service_name, service, end, OTEL_SERVICE_NAME);
	copy_variable(e->otel_resource_attributes, attributes, end, OTEL_RESOURCE_ATTRIBUTES);
	copy_variable(e->dd_service, datadog, end, DD_SERVICE);
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
	copy_names(task, e);
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

/*
 * The last thread's end is the process's. Two that end at once can both find signal->live at 0 before either comes here:
 * `ended` lets one of them through.
 */
static __always_inline int process_exit(void *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct process process = {};
	struct process_event *e;
	__u8 yes = 1;

	if (BPF_CORE_READ(task, signal, live.counter) != 0 || !skep_watched())
		return 0;
	process.pid = BPF_CORE_READ(task, tgid);
	process.started = BPF_CORE_READ(task, group_leader, start_boottime);
	/* For want of room it is told perhaps twice, and not never. */
	if ((int)bpf_map_update_elem(&ended, &process, &yes, BPF_NOEXIST) == -17 /* EEXIST */)
		return 0;
	e = begin(task, PROCESS_EXIT);
	if (e)
		skep_send(ctx, print_processes, e);
	return 0;
}

SKEP_EVENT(exit, sched, sched_process_exit, process_exit)

char LICENSE[] SEC("license") = "Dual BSD/GPL";

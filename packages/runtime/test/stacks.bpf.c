// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Stacks in all their forms, of kill(2) calls of one process with signal 0. */
#include "skep.h"

SKEP_PARAM(__u32, target_pid, 0, "only this process");

SKEP_STACKS(stacks, 1024);
SKEP_STACKS(small, 1);
struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_STACK_BUILD_ID);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 16 * sizeof(struct bpf_stack_build_id));
} files SEC(".maps");

struct kill_key {
	__u32 pid;
	kernel_stack_id_t kernel SKEP_OF_STACKS(stacks);
	user_stack_id_t user SKEP_OF_STACKS(stacks);
	char comm[16];
};
SKEP_HASH(counter_kills, struct kill_key, __u64, 1024);

struct file_key {
	__u32 process SKEP_PID;
	user_stack_id_t user SKEP_OF_STACKS(files);
};
SKEP_HASH(counter_files, struct file_key, __u64, 1024);

/* No map is named, and there are three: it stays a number. */
struct plain_key {
	__u32 tgid;
	__s32 ustack_id;
};
SKEP_HASH(counter_plain, struct plain_key, __u64, 1024);

/* Stacks in a value, which another call may replace. */
struct last {
	__u32 tgid;
	kernel_stack_id_t kernel SKEP_OF_STACKS(stacks);
	user_stack_id_t user SKEP_OF_STACKS(stacks);
};
SKEP_HASH(print_last, __u32, struct last, 16);

struct event {
	struct {
		__u32 tgid;
		user_stack_t stack;
	} who;
	kernel_stack_t kernel;
	kernel_stack_id_t id SKEP_OF_STACKS(stacks);
	__u32 secret SKEP_PRIVATE;
};
SKEP_RINGBUF(print_kills, struct event, 256 * 1024);

#ifdef __TARGET_ARCH_arm64
#define NR_KILL 129
#else
#define NR_KILL 62
#endif

/* Not the tracepoint of the system call: there older kernels (5.10 and 6.1 were seen to) have no kernel stack to give. */
SEC("raw_tp/sys_enter")
int kills(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx->args[0];
	struct kill_key key = {};
	struct file_key file = {};
	struct plain_key plain = {};
	struct last last = {};
	__u32 thread = bpf_get_current_pid_tgid();
	struct event *e;

	key.pid = bpf_get_current_pid_tgid() >> 32;
	if (key.pid != target_pid || ctx->args[1] != NR_KILL || PT_REGS_PARM2_CORE_SYSCALL(regs) != 0)
		return 0;
	key.kernel = skep_kernel_stack(ctx, &stacks);
	key.user = skep_user_stack(ctx, &stacks);
	bpf_get_current_comm(key.comm, sizeof(key.comm));
	skep_add(&counter_kills, &key, 1);
	file.process = key.pid;
	file.user = bpf_get_stackid(ctx, &files, BPF_F_USER_STACK);
	skep_add(&counter_files, &file, 1);
	plain.tgid = key.pid;
	plain.ustack_id = key.user;
	skep_add(&counter_plain, &plain, 1);
	last.tgid = key.pid;
	last.kernel = key.kernel;
	last.user = key.user;
	bpf_map_update_elem(&print_last, &thread, &last, BPF_ANY);
	/* One place for two stacks. */
	skep_kernel_stack(ctx, &small);
	skep_user_stack(ctx, &small);
	e = skep_reserve(print_kills, struct event);
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	e->who.tgid = key.pid;
	bpf_get_stack(ctx, e->who.stack, sizeof(e->who.stack), BPF_F_USER_STACK);
	bpf_get_stack(ctx, e->kernel, sizeof(e->kernel), 0);
	e->id = key.kernel;
	e->secret = 42;
	skep_submit(e);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * hooks-syscalls.h: system calls, of which the registers still have the arguments when they return.
 */
#ifndef SKEP_L7_HOOKS_SYSCALLS_H
#define SKEP_L7_HOOKS_SYSCALLS_H

#define L7_S_IFMT 0170000
#define L7_S_IFSOCK 0140000

/* The socket that a descriptor of the current task stands for, or NULL. */
static __always_inline struct sock *l7_socket_of(struct task_struct *task, __u32 descriptor)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file *file = 0;
	struct socket *socket;

	if (descriptor >= BPF_CORE_READ(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + descriptor);
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & L7_S_IFMT) != L7_S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

/* The flags that a receiving call was given. */
static __always_inline int l7_flags_of(struct l7_registers *r)
{
	switch (l7_call_of(r->number).shape) {
	case L7_BUFFER_FLAGS:
	case L7_MMSGHDR:
		return r->args[3];
	case L7_MSGHDR:
		return r->args[2];
	}
	return 0;
}

/* `behind`: so many bytes has the call moved after these. */
static __always_inline int l7_exited(enum l7_direction direction, int result, int behind)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct l7_registers r;
	struct sock *sk;

	l7_read_registers(task, l7_saved_registers(task), &r, false);
	sk = l7_socket_of(task, r.args[0]);
	if (!sk)
		return 0;
	return l7_addressed(sk, direction, result, direction == L7_RECEIVE ? l7_flags_of(&r) : 0, behind);
}

/* A global function: it needs nothing but what the current task knows. */
__noinline int l7_one_exited(__u32 direction, int result, int behind)
{
	return l7_exited(direction & 1, result, behind & 0x7fffffff);
}

#define L7_SYSCALL_EXIT(call, direction)                                     \
	L7_RUNG_SYSCALLS SEC("tracepoint/syscalls/sys_exit_" #call)        \
	int l7_##call(struct syscall_trace_exit *ctx)                        \
	{                                                                    \
		return l7_one_exited(direction, ctx->ret, 0);                  \
	}

L7_SYSCALL_EXIT(read, L7_RECEIVE)
L7_SYSCALL_EXIT(readv, L7_RECEIVE)
L7_SYSCALL_EXIT(recvfrom, L7_RECEIVE)
L7_SYSCALL_EXIT(recvmsg, L7_RECEIVE)
L7_SYSCALL_EXIT(write, L7_SEND)
L7_SYSCALL_EXIT(writev, L7_SEND)
L7_SYSCALL_EXIT(sendto, L7_SEND)
L7_SYSCALL_EXIT(sendmsg, L7_SEND)
L7_SYSCALL_EXIT(sendfile64, L7_SEND)

/* sendmmsg and recvmmsg return how many messages they moved; how long each was, they wrote behind its header. */
#define L7_MESSAGES 64 /* more are not looked at */

/* Negative when it cannot be read. */
static __always_inline int l7_length_at(__u64 at)
{
	int length = -1;

	bpf_probe_read_user(&length, sizeof(length), (void *)at);
	return length;
}

static __always_inline int l7_several(struct syscall_trace_exit *ctx, enum l7_direction direction)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct l7_registers r;
	__u64 first, end, size;
	int length, behind = 0;

	if (ctx->ret <= 0)
		return 0;
	l7_read_registers(task, l7_saved_registers(task), &r, false);
	size = r.compat ? L7_COMPAT_MMSGHDR_BYTES : L7_MMSGHDR_BYTES;
	first = r.args[1] + (r.compat ? 28 : 56);
	end = first + size * ctx->ret;
	for (int i = 0; i < L7_MESSAGES && first + i * size < end; i++) {
		length = l7_length_at(first + i * size);
		if (length < 0)
			break;
		behind += length;
	}
	for (int i = 0; i < L7_MESSAGES && first < end; i++, first += size) {
		length = l7_length_at(first);
		if (length < 0)
			break;
		behind -= length;
		l7_one_exited(direction, length, behind);
	}
	l7_end_batch();
	return 0;
}

L7_RUNG_SYSCALLS SEC("tracepoint/syscalls/sys_exit_sendmmsg")
int l7_sendmmsg(struct syscall_trace_exit *ctx)
{
	return l7_several(ctx, L7_SEND);
}

L7_RUNG_SYSCALLS SEC("tracepoint/syscalls/sys_exit_recvmmsg")
int l7_recvmmsg(struct syscall_trace_exit *ctx)
{
	return l7_several(ctx, L7_RECEIVE);
}

#endif /* SKEP_L7_HOOKS_SYSCALLS_H */

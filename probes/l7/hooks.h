/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * hooks.h: where a probe sees what sockets send and receive, best first.
 *
 *   events_twice  from 7.0 on, where a program may be preempted, and needs another that stands in for it
 *   events      the events of sockets (6.3): no trampoline, nothing is paid for files and pipes
 *   fentry      the functions of TCP and Unix sockets; what is known of a connection is in the socket (5.11)
 *   fentry_lru  the same, for kernels that do not let tracing programs use a socket's storage
 *   kprobe      the same functions, where there are no trampolines
 *   …_sendpage  each of these with the functions that sendfile calls until Linux 6.4
 *   syscalls    the system calls, where there are no kprobes either
 *
 * A protocol's header defines
 *   int l7_traffic(struct sock *sk, enum l7_direction direction, int result, int flags, bool stored, bool at_exit)
 *   int l7_tcp_state(struct sock *sk, int from, int state, bool stored)
 *   int l7_closed(struct sock *sk, bool stored)
 * and includes this one behind them.
 */
#ifndef SKEP_L7_HOOKS_H
#define SKEP_L7_HOOKS_H

/* One copy of the code for each way to keep connections, called by all entries. */
static __noinline int l7_stored(struct sock *sk, enum l7_direction direction, int result, int flags)
{
	return l7_traffic(sk, direction, result, flags, true, false);
}

static __noinline int l7_addressed(struct sock *sk, enum l7_direction direction, int result, int flags, bool at_exit)
{
	return l7_traffic(sk, direction, result, flags, false, at_exit);
}

/* Until Linux 6.4 sendfile has functions of its own: rungs that have those as well are better, where there are any. */
#define L7_RUNG_FENTRY SKEP_RUNG(traffic, 3, fentry_sendpage) SKEP_RUNG(traffic, 4, fentry)
#define L7_RUNG_FENTRY_LRU SKEP_RUNG(traffic, 5, fentry_lru_sendpage) SKEP_RUNG(traffic, 6, fentry_lru)
#define L7_RUNG_KPROBE SKEP_RUNG(traffic, 7, kprobe_sendpage) SKEP_RUNG(traffic, 8, kprobe)

/* ---- events of a kernel that preempts programs ---- */

/*
 * Since Linux 7.0 the programs at a tracepoint may be preempted, and as long as one is, the kernel skips it for whoever else
 * comes there on the same processor. So there are two of them: the second runs behind the first, and does its work for a task
 * for which that one did not run. The first leaves word in the task's place, when it has done all, so that what interrupts it
 * is not taken for it.
 */
#define L7_PLACES 32768 /* as many as there are tasks on most machines */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, L7_PLACES);
	__type(key, __u32);
	__type(value, __u32);
} l7_told SEC(".maps");

__u64 l7_sent_made_up, l7_received_made_up;

static __always_inline __u32 *l7_place_of(__u32 task)
{
	/* Tasks of one program have numbers in a row, and may be on several processors: not in one cache line. */
	__u32 place = task * 40503 & (L7_PLACES - 1);

	return bpf_map_lookup_elem(&l7_told, &place);
}

static __always_inline int l7_first(struct sock *sk, enum l7_direction direction, int result, int flags)
{
	__u32 task = bpf_get_current_task_btf()->pid, *told;

	l7_stored(sk, direction, result, flags);
	told = l7_place_of(task);
	if (told)
		*told = task;
	return 0;
}

static __always_inline int l7_second(struct sock *sk, enum l7_direction direction, int result, int flags, __u64 *made_up)
{
	__u32 task = bpf_get_current_task_btf()->pid, *told = l7_place_of(task);
	struct l7_connection *c;

	if (told && *told == task) {
		*told = 0;
		return 0;
	}
	/* Or another task has just been in the same place: then TCP's own count stands where the first has left it. */
	c = result > 0 ? l7_connection_of(sk, true, false) : 0;
	if (c && c->numbered && c->sequence[direction] == l7_sequence_of(sk, direction, true))
		return 0;
	__sync_fetch_and_add(made_up, 1);
	return l7_stored(sk, direction, result, flags);
}

#define L7_RUNG_TWICE SKEP_RUNG(traffic, 1, events_twice)

L7_RUNG_TWICE
SKEP_TP_BTF(sock_send_length, l7_sent_first, struct sock *sk, int result, int flags)
{
	return l7_first(sk, L7_SEND, result, 0);
}

L7_RUNG_TWICE SKEP_SINCE(7.0) SKEP_STANDS_IN(l7_sent_first, l7_sent_made_up)
SKEP_TP_BTF(sock_send_length, l7_sent_second, struct sock *sk, int result, int flags)
{
	return l7_second(sk, L7_SEND, result, 0, &l7_sent_made_up);
}

L7_RUNG_TWICE
SKEP_TP_BTF(sock_recv_length, l7_received_first, struct sock *sk, int result, int flags)
{
	return l7_first(sk, L7_RECEIVE, result, flags);
}

L7_RUNG_TWICE SKEP_SINCE(7.0) SKEP_STANDS_IN(l7_received_first, l7_received_made_up)
SKEP_TP_BTF(sock_recv_length, l7_received_second, struct sock *sk, int result, int flags)
{
	return l7_second(sk, L7_RECEIVE, result, flags, &l7_received_made_up);
}

/* ---- events ---- */

#define L7_RUNG_EVENTS L7_RUNG_TWICE SKEP_RUNG(traffic, 2, events)

SKEP_RUNG(traffic, 2, events)
SKEP_TP_BTF(sock_send_length, l7_sent_event, struct sock *sk, int result, int flags)
{
	return l7_stored(sk, L7_SEND, result, 0);
}

SKEP_RUNG(traffic, 2, events)
SKEP_TP_BTF(sock_recv_length, l7_received_event, struct sock *sk, int result, int flags)
{
	return l7_stored(sk, L7_RECEIVE, result, flags);
}

L7_RUNG_EVENTS L7_RUNG_FENTRY
SKEP_TP_BTF(inet_sock_set_state, l7_state_event, struct sock *sk, int from, int to)
{
	return l7_tcp_state(sk, from, to, true);
}

/* A socket whose connection has ended is read on, and closed later, which no change of its state tells. */
L7_RUNG_EVENTS L7_RUNG_FENTRY
SKEP_TP_BTF(tcp_destroy_sock, l7_destroyed_event, struct sock *sk)
{
	return l7_closed(sk, true);
}

/* ---- the functions of the protocols ---- */

#define L7_FEXIT_SEND(function, name)                                                                             \
	L7_RUNG_FENTRY                                                                                            \
	SKEP_FEXIT(function, name##_stored, struct socket *socket, struct msghdr *message, size_t size, int result) \
	{                                                                                                         \
		return l7_stored(socket->sk, L7_SEND, result, 0);                                            \
	}                                                                                                         \
	L7_RUNG_FENTRY_LRU                                                                                        \
	SKEP_FEXIT(function, name##_lru, struct socket *socket, struct msghdr *message, size_t size, int result)  \
	{                                                                                                         \
		return l7_addressed(socket->sk, L7_SEND, result, 0, false);                                         \
	}

#define L7_FEXIT_RECEIVE(function, name)                                                                          \
	L7_RUNG_FENTRY                                                                                            \
	SKEP_FEXIT(function, name##_stored, struct socket *socket, struct msghdr *message, size_t size, int flags, \
		   int result)                                                                                    \
	{                                                                                                         \
		return l7_stored(socket->sk, L7_RECEIVE, result, flags);                                     \
	}                                                                                                         \
	L7_RUNG_FENTRY_LRU                                                                                        \
	SKEP_FEXIT(function, name##_lru, struct socket *socket, struct msghdr *message, size_t size, int flags,   \
		   int result)                                                                                    \
	{                                                                                                         \
		return l7_addressed(socket->sk, L7_RECEIVE, result, flags, false);                                  \
	}

#define L7_FEXIT_PAGE(function, name)                                                                            \
	SKEP_RUNG(traffic, 3, fentry_sendpage)                                                                    \
	SKEP_FEXIT(function, name##_stored, struct socket *socket, struct page *page, int offset, size_t size,    \
		   int flags, int result)                                                                         \
	{                                                                                                         \
		return l7_stored(socket->sk, L7_SEND, result, 0);                                                 \
	}                                                                                                         \
	SKEP_RUNG(traffic, 5, fentry_lru_sendpage)                                                                \
	SKEP_FEXIT(function, name##_lru, struct socket *socket, struct page *page, int offset, size_t size,       \
		   int flags, int result)                                                                         \
	{                                                                                                         \
		return l7_addressed(socket->sk, L7_SEND, result, 0, false);                                              \
	}

L7_FEXIT_PAGE(inet_sendpage, l7_page_inet)
L7_FEXIT_PAGE(unix_stream_sendpage, l7_page_unix)
L7_FEXIT_SEND(inet_sendmsg, l7_sent_4)
L7_FEXIT_SEND(inet6_sendmsg, l7_sent_6)
L7_FEXIT_SEND(unix_stream_sendmsg, l7_sent_unix)
L7_FEXIT_RECEIVE(inet_recvmsg, l7_received_4)
L7_FEXIT_RECEIVE(inet6_recvmsg, l7_received_6)
L7_FEXIT_RECEIVE(unix_stream_recvmsg, l7_received_unix)

L7_RUNG_FENTRY
SKEP_FENTRY(unix_release, l7_closed_unix_stored, struct socket *socket)
{
	struct sock *sk = socket->sk;

	return sk ? l7_closed(sk, true) : 0;
}

L7_RUNG_FENTRY_LRU
SKEP_FENTRY(unix_release, l7_closed_unix_lru, struct socket *socket)
{
	struct sock *sk = socket->sk;

	return sk ? l7_closed(sk, false) : 0;
}

L7_RUNG_FENTRY_LRU L7_RUNG_KPROBE SKEP_RUNG(traffic, 9, syscalls)
SKEP_RAW_TP(inet_sock_set_state, l7_state_lru, struct sock *sk, int from, int to)
{
	return l7_tcp_state(sk, from, to, false);
}

L7_RUNG_FENTRY_LRU L7_RUNG_KPROBE SKEP_RUNG(traffic, 9, syscalls)
SKEP_RAW_TP(tcp_destroy_sock, l7_destroyed_lru, struct sock *sk)
{
	return l7_closed(sk, false);
}

/* ---- kprobes: a return does not know its function's arguments ---- */

struct l7_entered {
	__u64 socket;
	__u32 flags;
	__u32 direction;
};
SKEP_LRU_HASH(l7_calls, __u64, struct l7_entered, 10240);

static __always_inline int l7_enter(struct socket *socket, enum l7_direction direction, int flags)
{
	struct l7_entered call = { .flags = flags, .direction = direction };
	__u64 thread = bpf_get_current_pid_tgid();

	call.socket = (__u64)BPF_CORE_READ(socket, sk);
	bpf_map_update_elem(&l7_calls, &thread, &call, BPF_ANY);
	return 0;
}

static __noinline int l7_return(int result)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct l7_entered *call = bpf_map_lookup_elem(&l7_calls, &thread);
	struct sock *sk;
	int direction, flags;

	if (!call)
		return 0;
	sk = (struct sock *)call->socket;
	direction = call->direction & 1;
	flags = call->flags;
	bpf_map_delete_elem(&l7_calls, &thread);
	return l7_addressed(sk, direction, result, flags, false);
}

#define L7_KPROBE_SEND(function, name)                                                                            \
	L7_RUNG_KPROBE                                                                                            \
	SKEP_KPROBE(function, name##_enter, struct socket *socket, struct msghdr *message, size_t size)           \
	{                                                                                                         \
		return l7_enter(socket, L7_SEND, 0);                                                              \
	}                                                                                                         \
	L7_RUNG_KPROBE                                                                                            \
	SKEP_KRETPROBE(function, name##_return, int result)                                                       \
	{                                                                                                         \
		return l7_return(result);                                                                    \
	}

#define L7_KPROBE_RECEIVE(function, name)                                                                         \
	L7_RUNG_KPROBE                                                                                            \
	SKEP_KPROBE(function, name##_enter, struct socket *socket, struct msghdr *message, size_t size, int flags) \
	{                                                                                                         \
		return l7_enter(socket, L7_RECEIVE, flags);                                                       \
	}                                                                                                         \
	L7_RUNG_KPROBE                                                                                            \
	SKEP_KRETPROBE(function, name##_return, int result)                                                       \
	{                                                                                                         \
		return l7_return(result);                                                                    \
	}

#define L7_KPROBE_PAGE(function, name)                                                                           \
	SKEP_RUNG(traffic, 7, kprobe_sendpage)                                                                    \
	SKEP_KPROBE(function, name##_enter, struct socket *socket)                                                \
	{                                                                                                         \
		return l7_enter(socket, L7_SEND, 0);                                                              \
	}                                                                                                         \
	SKEP_RUNG(traffic, 7, kprobe_sendpage)                                                                    \
	SKEP_KRETPROBE(function, name##_return, int result)                                                       \
	{                                                                                                         \
		return l7_return(result);                                                                         \
	}

L7_KPROBE_PAGE(inet_sendpage, l7_kp_page_inet)
L7_KPROBE_PAGE(unix_stream_sendpage, l7_kp_page_unix)
L7_KPROBE_SEND(inet_sendmsg, l7_kp_sent_4)
L7_KPROBE_SEND(inet6_sendmsg, l7_kp_sent_6)
L7_KPROBE_SEND(unix_stream_sendmsg, l7_kp_sent_unix)
L7_KPROBE_RECEIVE(inet_recvmsg, l7_kp_received_4)
L7_KPROBE_RECEIVE(inet6_recvmsg, l7_kp_received_6)
L7_KPROBE_RECEIVE(unix_stream_recvmsg, l7_kp_received_unix)

L7_RUNG_KPROBE
SKEP_KPROBE(unix_release, l7_kp_closed_unix, struct socket *socket)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);

	return sk ? l7_closed(sk, false) : 0;
}

/* ---- system calls: the registers still have the arguments when the call returns ---- */

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

static __always_inline int l7_exited(enum l7_direction direction, int result)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct l7_registers r;
	struct sock *sk;

	l7_read_registers(task, l7_saved_registers(task), &r, false);
	sk = l7_socket_of(task, r.args[0]);
	if (!sk)
		return 0;
	return l7_addressed(sk, direction, result, direction == L7_RECEIVE ? l7_flags_of(&r) : 0, true);
}

/* A global function: it needs nothing but what the current task knows. */
__noinline int l7_one_exited(__u32 direction, int result)
{
	return l7_exited(direction & 1, result);
}

#define L7_SYSCALL_EXIT(call, direction)                                     \
	SKEP_RUNG(traffic, 9, syscalls) SEC("tracepoint/syscalls/sys_exit_" #call) \
	int l7_##call(struct syscall_trace_exit *ctx)                        \
	{                                                                    \
		return l7_one_exited(direction, ctx->ret);                  \
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
struct l7_messages {
	__u64 table;
	__u32 direction;
	__u32 count;
	bool compat;
};
#define L7_MESSAGES 64 /* more are not looked at */

static __always_inline long l7_one_of(__u32 index, struct l7_messages *m)
{
	__u64 size = m->compat ? L7_COMPAT_MMSGHDR_BYTES : L7_MMSGHDR_BYTES;
	__u64 at = m->table + index * size + (m->compat ? 28 : 56);
	__u32 length = 0;

	if (index >= m->count || bpf_probe_read_user(&length, sizeof(length), (void *)at))
		return 1;
	l7_one_exited(m->direction, length);
	return 0;
}

static __always_inline int l7_several(struct syscall_trace_exit *ctx, enum l7_direction direction)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct l7_messages m = { .direction = direction, .count = ctx->ret };
	struct l7_registers r;

	if (ctx->ret <= 0)
		return 0;
	l7_read_registers(task, l7_saved_registers(task), &r, false);
	m.table = r.args[1];
	m.compat = r.compat;
	for (int i = 0; i < L7_MESSAGES; i++)
		if (l7_one_of(i, &m))
			break;
	l7_end_batch();
	return 0;
}

SKEP_RUNG(traffic, 9, syscalls) SEC("tracepoint/syscalls/sys_exit_sendmmsg")
int l7_sendmmsg(struct syscall_trace_exit *ctx)
{
	return l7_several(ctx, L7_SEND);
}

SKEP_RUNG(traffic, 9, syscalls) SEC("tracepoint/syscalls/sys_exit_recvmmsg")
int l7_recvmmsg(struct syscall_trace_exit *ctx)
{
	return l7_several(ctx, L7_RECEIVE);
}

#endif /* SKEP_L7_HOOKS_H */

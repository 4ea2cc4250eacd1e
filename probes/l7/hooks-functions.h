/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * hooks-functions.h: the functions by which TCP and Unix sockets send and receive, with trampolines and with kprobes.
 */
#ifndef SKEP_L7_HOOKS_FUNCTIONS_H
#define SKEP_L7_HOOKS_FUNCTIONS_H

#define L7_FEXIT_SEND(function, name)                                                                             \
	L7_RUNG_FENTRY                                                                                            \
	SKEP_FEXIT(function, name##_stored, struct socket *socket, struct msghdr *message, size_t size, int result) \
	{                                                                                                         \
		return l7_stored(socket->sk, L7_SEND, result, 0);                                            \
	}                                                                                                         \
	L7_RUNG_FENTRY_LRU                                                                                        \
	SKEP_FEXIT(function, name##_lru, struct socket *socket, struct msghdr *message, size_t size, int result)  \
	{                                                                                                         \
		return l7_addressed(socket->sk, L7_SEND, result, 0, L7_WITHIN);                                         \
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
		return l7_addressed(socket->sk, L7_RECEIVE, result, flags, L7_WITHIN);                                  \
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
		return l7_addressed(socket->sk, L7_SEND, result, 0, L7_WITHIN);                                              \
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

L7_RUNG_FENTRY_LRU L7_RUNG_SYSCALLS L7_RUNG_KPROBE
SKEP_RAW_TP(inet_sock_set_state, l7_state_lru, struct sock *sk, int from, int to)
{
	return l7_tcp_state(sk, from, to, false);
}

L7_RUNG_FENTRY_LRU L7_RUNG_SYSCALLS L7_RUNG_KPROBE
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
	return l7_addressed(sk, direction, result, flags, L7_WITHIN);
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
	SKEP_RUNG(traffic, 9, kprobe_sendpage)                                                                    \
	SKEP_KPROBE(function, name##_enter, struct socket *socket)                                                \
	{                                                                                                         \
		return l7_enter(socket, L7_SEND, 0);                                                              \
	}                                                                                                         \
	SKEP_RUNG(traffic, 9, kprobe_sendpage)                                                                    \
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

L7_RUNG_SYSCALLS_UNIX L7_RUNG_KPROBE
SKEP_KPROBE(unix_release, l7_kp_closed_unix, struct socket *socket)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);

	return sk ? l7_closed(sk, false) : 0;
}

#endif /* SKEP_L7_HOOKS_FUNCTIONS_H */

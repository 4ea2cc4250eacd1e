/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * hooks-events.h: the events of sockets, once, and three times where the kernel preempts programs.
 */
#ifndef SKEP_L7_HOOKS_EVENTS_H
#define SKEP_L7_HOOKS_EVENTS_H

/* ---- events of a kernel that preempts programs ---- */

/*
 * Since Linux 7.0 the programs at a tracepoint may be preempted, and as long as one is, the kernel skips it for whoever else
 * comes there on the same processor. So there are three of them, one behind the other: each does its work for a task for which
 * none before it ran. Who has done all leaves word in the task's place, behind the work, so that what interrupts it is not
 * taken for it.
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

/* The word of the first that it has done its work, and that of the second that one of them has. Tasks' numbers have 22 bits. */
#define L7_BY_FIRST (1 << 24)
#define L7_BY_SECOND (2 << 24)

static __always_inline int l7_first(struct sock *sk, enum l7_direction direction, int result, int flags)
{
	__u32 task = bpf_get_current_task_btf()->pid, *told;

	l7_stored(sk, direction, result, flags);
	told = l7_place_of(task);
	if (told)
		*told = task | L7_BY_FIRST;
	return 0;
}

/* One that comes behind the first. `next`: what it says to the one behind itself; 0: there is none. */
static __always_inline int l7_behind(struct sock *sk, enum l7_direction direction, int result, int flags, __u32 next,
				     __u64 *made_up)
{
	__u32 task = bpf_get_current_task_btf()->pid, *told = l7_place_of(task), word = told ? *told : 0;
	struct l7_connection *c;

	next = next ? task | next : 0;
	/* The second may have been skipped as well. */
	if (word == (task | L7_BY_FIRST) || (!next && word == (task | L7_BY_SECOND)))
		goto done;
	/* Or another task has just been in the same place: then TCP's own count stands where the work has left it. */
	c = result > 0 ? l7_connection_of(sk, true, false) : 0;
	if (c && c->numbered && c->sequence[direction] == l7_sequence_of(sk, direction, true))
		goto done;
	__sync_fetch_and_add(made_up, 1);
	l7_stored(sk, direction, result, flags);
done:
	if (told)
		*told = next;
	return 0;
}

#define L7_RUNG_PREEMPTED SKEP_RUNG(traffic, 1, events_preempted)

L7_RUNG_PREEMPTED
SKEP_TP_BTF(sock_send_length, l7_sent_first, struct sock *sk, int result, int flags)
{
	return l7_first(sk, L7_SEND, result, 0);
}

L7_RUNG_PREEMPTED SKEP_SINCE(7.0) SKEP_STANDS_IN(l7_sent_first, l7_sent_made_up)
SKEP_TP_BTF(sock_send_length, l7_sent_second, struct sock *sk, int result, int flags)
{
	return l7_behind(sk, L7_SEND, result, 0, L7_BY_SECOND, &l7_sent_made_up);
}

L7_RUNG_PREEMPTED SKEP_SINCE(7.0) SKEP_STANDS_IN(l7_sent_first, l7_sent_made_up)
SKEP_TP_BTF(sock_send_length, l7_sent_third, struct sock *sk, int result, int flags)
{
	return l7_behind(sk, L7_SEND, result, 0, 0, &l7_sent_made_up);
}

L7_RUNG_PREEMPTED
SKEP_TP_BTF(sock_recv_length, l7_received_first, struct sock *sk, int result, int flags)
{
	return l7_first(sk, L7_RECEIVE, result, flags);
}

L7_RUNG_PREEMPTED SKEP_SINCE(7.0) SKEP_STANDS_IN(l7_received_first, l7_received_made_up)
SKEP_TP_BTF(sock_recv_length, l7_received_second, struct sock *sk, int result, int flags)
{
	return l7_behind(sk, L7_RECEIVE, result, flags, L7_BY_SECOND, &l7_received_made_up);
}

L7_RUNG_PREEMPTED SKEP_SINCE(7.0) SKEP_STANDS_IN(l7_received_first, l7_received_made_up)
SKEP_TP_BTF(sock_recv_length, l7_received_third, struct sock *sk, int result, int flags)
{
	return l7_behind(sk, L7_RECEIVE, result, flags, 0, &l7_received_made_up);
}

/* ---- events ---- */

#define L7_RUNG_EVENTS L7_RUNG_PREEMPTED SKEP_RUNG(traffic, 2, events)

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

#endif /* SKEP_L7_HOOKS_EVENTS_H */

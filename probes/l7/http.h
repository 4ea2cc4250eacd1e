/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * http.h: what becomes of the bytes that sockets send and receive: requests, responses, series, spans. Here is what the
 * hooks call when a call has moved bytes. The rest lies in layers, each on the one before:
 *
 *   work.h, loss.h   what a run of a hook works on; what is lost
 *   routes.h         paths become routes
 *   count.h          series and spans
 *   sequence.h       TCP's own count of bytes
 *   exchange.h       requests and their responses
 *   uring.h          the bytes that io_uring moves
 *   steps.h          the bytes
 *   ending.h         connections that end
 */
#ifndef SKEP_L7_HTTP_H
#define SKEP_L7_HTTP_H

#include "ending.h"
#include "uring.h"

/* The call is still at work. */
#define L7_WITHIN -1

/* Looks at the bytes that the current task's call moved, and at those before them that went past the hooks. */
static __always_inline void l7_look(struct l7_feed *f, int behind, int flags, bool trusted)
{
	struct l7_connection *c = f->c;
	struct l7_work *work = f->work;
	bool at_exit = behind != L7_WITHIN;
	__u32 later = at_exit ? behind : 0, gap = 0;

	c->busy[work->direction & 1] = true;
	if (c->numbered && c->protocol == L7_HTTP1)
		gap = l7_before(f, work->direction, work->end + later, trusted);
	work->unseen = l7_find_message(f->sk, work->direction, at_exit, &work->message, trusted);
	if (!at_exit && work->unseen && l7_uring_used && l7_uring_message(work->socket, work->direction, f->index))
		work->unseen = L7_SEEN;
	if (flags & L7_MSG_TRUNC && work->direction == L7_RECEIVE && c->family != L7_AF_UNIX)
		work->unseen = L7_DISCARDED;
	work->bypassed = gap;
	/* What is urgent belongs to no message. */
	if (work->direction != L7_SEND || work->unseen || !(work->message.flags & L7_MSG_OOB)) {
		work->end += gap;
		l7_go(f, trusted);
	}
	if (c->numbered)
		c->sequence[work->direction & 1] = l7_sequence_of(f->sk, work->direction, trusted) - later;
	c->busy[work->direction & 1] = false;
}

/*
 * A client has read nothing: the response may be over, since its connection is, or since what was left of it has gone past
 * the hooks, as a proxy's that splices. The connection may be idle for long from here on.
 */
static __always_inline bool l7_may_have_ended(struct sock *sk, struct l7_connection *c, int result, bool trusted)
{
	__u8 state = c->stream[L7_RECEIVE].state;

	/* To ask for no byte, or for notices of what was sent (MSG_ERRQUEUE), yields none either. */
	if (!result)
		return state == HTTP1_CLOSE && BPF_CORE_READ(sk, sk_shutdown) & L7_SHUT_RECEIVE;
	return (state == HTTP1_BODY || state == HTTP1_CHUNK) && c->numbered &&
	       l7_sequence_of(sk, L7_RECEIVE, trusted) != c->sequence[L7_RECEIVE];
}

#define L7_EAGAIN 11
#define L7_EINTR 4
#define L7_ERESTARTSYS 512

/*
 * A call on a socket has moved `result` bytes, or failed. `behind`: how many more it has moved after these, when it has its
 * result; L7_WITHIN before.
 */
static __always_inline int l7_traffic(struct sock *sk, enum l7_direction direction, int result, int flags,
				      bool stored, int behind)
{
	struct l7_connection *c = l7_connection_of(sk, stored, false);
	__u32 process = stored ? bpf_get_current_task_btf()->tgid : bpf_get_current_pid_tgid() >> 32, zero = 0;
	struct l7_feed f = {};
	struct l7_control *control;
	bool turned;

	if (c && c->protocol >= L7_LEFT && (c->protocol != L7_UNWATCHED || c->process == process))
		return 0;
	if (result <= 0) {
		l7_end_batch();
		if (!c || c->protocol != L7_HTTP1)
			return 0;
		if (result < 0 && result != -L7_EAGAIN && result != -L7_EINTR && result > -L7_ERESTARTSYS)
			c->error = -result;
		else if (direction == L7_RECEIVE && !(flags & L7_MSG_PEEK) && c->role == L7_CLIENT &&
			 l7_may_have_ended(sk, c, result, stored) && l7_begin(&f, sk, c, L7_RECEIVE)) {
			l7_settle(&f, L7_RECEIVE, !result, stored);
			l7_finished(&f);
		}
		if (stored && c->family == L7_AF_UNIX && result != -L7_EAGAIN)
			l7_unix_over(sk, c);
		return 0;
	}
	if (direction == L7_RECEIVE && flags & (L7_MSG_PEEK | L7_MSG_ERRQUEUE | L7_MSG_OOB))
		return 0;
	if (!c || c->process != process) {
		__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

		if ((family != L7_AF_INET && family != L7_AF_INET6 && family != L7_AF_UNIX) ||
		    l7_socket_type(sk) != L7_SOCK_STREAM)
			return 0;
		if (!c) {
			/* Of a request that one hook has seen and another has not, the next response would be taken for its own. */
			control = bpf_map_lookup_elem(&l7_controls, &zero);
			if (control && control->closed)
				return 0;
			c = l7_connection_of(sk, stored, true);
		}
		if (!c)
			return 0;
		/* What it sends first may have been answered by a reset. */
		if (!c->family && family != L7_AF_UNIX && BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE)
			c->over = true;
		c->family = family;
		c->process = process;
		c->service = 0;
		if (!l7_watched(sk, process, family == L7_AF_UNIX)) {
			c->protocol = L7_UNWATCHED;
			return 0;
		}
		if (c->protocol == L7_UNWATCHED)
			c->protocol = L7_UNDECIDED;
	}
	turned = c->direction != direction + 1;
	c->direction = direction + 1;
	/* Line ends before the first message are not it, and no reason to leave it. */
	if (c->protocol != L7_HTTP1 && !turned && c->stream[direction & 1].state == HTTP1_START &&
	    !c->stream[direction & 1].header)
		return 0;
	control = bpf_map_lookup_elem(&l7_controls, &zero);
	if (!control)
		return 0;
	if (control->learned)
		c->stream[direction & 1].flags |= HTTP1_LEARNED;
	if (!c->service || c->generation != control->generation) {
		c->generation = control->generation;
		c->service = l7_service_of(process);
	}
	if (!l7_begin(&f, sk, c, direction)) {
		c->protocol = L7_UNDECIDED;
		return 0;
	}
	/* The end of a response that no hook saw, before the next request. */
	if (c->stream[direction & 1].state == HTTP1_START && c->stream[(direction ^ 1) & 1].state >= HTTP1_BODY)
		l7_settle(&f, direction ^ 1, false, stored);
	f.work->direction = direction;
	f.work->end = result;
	l7_look(&f, behind, flags, stored);
	l7_finished(&f);
	/* What it was answered with may still wait to be read. */
	if (direction == L7_SEND && c->over && !l7_unread(sk, c))
		l7_end_and_forget(sk, c, stored);
	return 0;
}

#include "hooks.h"

#endif /* SKEP_L7_HTTP_H */

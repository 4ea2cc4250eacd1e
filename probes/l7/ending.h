/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * ending.h: how connections end: bodies that end with them, requests that get no response, and what calls on their way out
 * are yet to tell.
 */
#ifndef SKEP_L7_ENDING_H
#define SKEP_L7_ENDING_H

#include "steps.h"

/* A run's work, ready for a direction of a connection; false, and counted, when the CPU has none left. */
static __always_inline bool l7_begin(struct l7_feed *f, struct sock *sk, struct l7_connection *c, enum l7_direction direction)
{
	f->work = l7_take_work(&f->index);
	if (!f->work) {
		l7_lost(L7_LOST_SCRATCH, 1);
		return false;
	}
	f->sk = sk;
	f->c = c;
	f->work->socket = (__u64)sk;
	f->work->direction = direction;
	f->work->family = c->family;
	f->work->service = c->service;
	f->work->bypassed = f->work->settled = 0;
	return true;
}

static __always_inline void l7_finished(struct l7_feed *f)
{
	__sync_fetch_and_add(&f->work->users, -1);
}

/*
 * Takes note of what a direction moved past the hooks: a body, or the end of one. It may also have been moved by a call whose
 * hook is yet to run: a pipeline may be written and read by two threads, and a call that waits for room, or for all that it
 * asked for, may have moved much of it for long. So what was taken is remembered, see l7_before(). What lies behind the
 * body nobody knows, until the direction's next message tells. `ended`: it will move nothing more, so that a body has ended
 * that ends with its connection.
 */
static __always_inline void l7_settle_here(struct l7_feed *f, enum l7_direction direction, bool ended)
{
	struct l7_connection *c = f->c;
	__u32 gap = c->busy[direction & 1] ? 0 : l7_gap(f->sk, c, direction);
	struct l7_work *work = f->work;
	struct http1_window *w = &work->window;

	if (!gap && (!ended || c->stream[direction & 1].state != HTTP1_CLOSE))
		return;
	w->stream = c->stream[direction & 1];
	w->now = bpf_ktime_get_ns();
	work->at = 0;
	work->end = work->bypassed = gap;
	work->direction = direction;
	/* Counted modulo 4 GiB: it is all that was left, when that is as much modulo 4 GiB. */
	if (gap == (__u32)w->stream.remain)
		work->end = work->bypassed = w->stream.remain;
	l7_step_over(f, &w->stream);
	if (w->stream.state == HTTP1_DONE || (ended && w->stream.state == HTTP1_CLOSE))
		l7_done(f);
	c->stream[direction & 1] = w->stream;
	c->settled[direction & 1] += work->at;
	c->sequence[direction & 1] += work->at;
	work->bypassed = 0;
}

static __noinline void l7_settle_apart(struct l7_feed *f, enum l7_direction direction, bool ended)
{
	l7_settle_here(f, direction, ended);
	L7_NO_RESULT();
}

/* One copy where connections are in sockets; where they are in a hash a further call takes more stack than there is (6.1). */
static __always_inline void l7_settle(struct l7_feed *f, enum l7_direction direction, bool ended, bool stored)
{
	if (stored)
		l7_settle_apart(f, direction, ended);
	else
		l7_settle_here(f, direction, ended);
}

/*
 * A call tells of `work->end` bytes of `moved`. How many before them did no hook see, within a body? Some of them may be settled.
 * What else no hook saw was messages: what waits for a response is lost, and it begins anew.
 */
static __always_inline __u32 l7_before(struct l7_feed *f, enum l7_direction direction, __u32 moved, bool trusted)
{
	struct l7_connection *c = f->c;
	struct http1_stream *s = &c->stream[direction & 1];
	__u32 expected = c->sequence[direction & 1] + moved, settled = c->settled[direction & 1];
	__s32 before = l7_sequence_of(f->sk, direction, trusted) - expected;

	c->settled[direction & 1] = 0;
	if (before > 0)
		before = l7_sequence(f->sk, direction) - l7_has_told_end(f->sk, direction) - expected;
	if (before < 0) {
		if (settled > -before)
			settled = -before;
		f->work->settled = settled < f->work->end ? settled : f->work->end;
		return 0;
	}
	if (!before || s->state == HTTP1_BODY || s->state == HTTP1_CHUNK || s->state == HTTP1_CLOSE)
		return before;
	l7_not_seen(L7_BYPASSED, before);
	l7_give_up(f, L7_LOST_UNSEEN, L7_UNDECIDED);
	http1_start(s);
	return 0;
}

#define L7_ECONNRESET 104
#define L7_EPIPE 32
#define L7_ETIMEDOUT 110

static __always_inline enum http_error l7_error_of(int error)
{
	return error == L7_ETIMEDOUT ? HTTP_TIMEOUT : error == L7_ECONNRESET || error == L7_EPIPE ? HTTP_RESET : HTTP_CLOSED;
}

/* So many requests of one connection are each counted as failed when it ends; more are counted as lost. */
#define L7_FAILED 256
#define L7_FEW_FAILED 64

static __always_inline long l7_fail_one(struct l7_feed *f)
{
	struct l7_request *r = l7_oldest(f->c);

	if (f->c->popped == f->c->pushed)
		return 1;
	if (r) {
		l7_finish(f, r, r->body);
		l7_pop(f->c, r);
	} else {
		l7_forgotten(f->c);
	}
	f->work->ending.status = 0;
	f->work->ending.response_bytes = 0;
	return 0;
}

static __noinline long l7_fail_oldest(__u32 index, struct l7_feed *f)
{
	return l7_fail_one(f);
}

__noinline int l7_fail_addressed(__u32 index)
{
	struct l7_feed f = {};

	return l7_again(&f, index) ? l7_fail_one(&f) : 1;
}

/* What waits for a response gets none. */
static __always_inline void l7_fail(struct l7_feed *f, enum l7_direction direction, bool modern)
{
	struct l7_connection *c = f->c;
	struct http1_stream *s = &c->stream[direction];
	struct sock *sk = f->sk;
	int error = BPF_CORE_READ(sk, sk_err);
	bool begun = s->state > HTTP1_REPLY && s->flags & HTTP1_IS_RESPONSE;

	l7_ends_with(f, bpf_ktime_get_ns(), begun ? http1_body_so_far(s) : 0, begun ? s->status : 0,
		     l7_error_of(error ? error : c->error));
	/* What went past all hooks was their responses. One more is the end of the stream. */
	if (!c->numbered || (__s32)(l7_sequence(sk, direction) - c->sequence[direction]) <= 1)
		L7_LOOP(modern, L7_FAILED, l7_fail_oldest, f, L7_FEW_FAILED, l7_fail_addressed, f->index);
	else
		l7_lost(L7_LOST_UNSEEN, c->pushed - c->popped), c->popped = c->pushed;
	if (c->pushed != c->popped)
		l7_lost(L7_LOST_OPEN, c->pushed - c->popped);
	c->popped = c->pushed;
}

/*
 * No more comes of the newest request's body: what has come since its response is counted. Nor does another request for a
 * response that was seen without one.
 */
static __always_inline void l7_end_early(struct l7_feed *f, enum l7_direction requests)
{
	struct l7_connection *c = f->c;
	struct http1_stream *s = &c->stream[requests & 1];
	struct l7_request *r = 0, *answered = 0;
	__u64 body = 0;

	if (s->state >= HTTP1_BODY)
		r = l7_body_ends(c, s, http1_body_so_far(s));
	if (r) {
		body = r->body;
		l7_ends_late(f, r);
	} else if (c->ahead) {
		l7_ends_with(f, c->ahead, c->ahead_body, c->ahead_status, HTTP_NO_ERROR);
		c->ahead = 0;
		/* A request that came behind it, and none was answered since, is what a server answered before it read. */
		if (c->pushed != c->popped && c->popped == c->ahead_sequence)
			r = answered = l7_oldest(c);
		else
			r = l7_refused(f, s);
		if (!r)
			l7_alone(f, c->ahead_status);
		else if (answered)
			body = r->body;
	}
	if (r)
		l7_finish(f, r, body);
	if (answered)
		l7_pop(c, answered);
}

/* The end of a connection, or with `half` of its server's side. */
static __always_inline int l7_end_connection(struct sock *sk, struct l7_connection *c, bool half, bool modern)
{
	enum l7_direction responses = c->role == L7_SERVER ? L7_SEND : L7_RECEIVE;
	struct l7_feed f = {};

	if (!l7_begin(&f, sk, c, responses))
		return 0;
	l7_settle(&f, responses, true, modern);
	if (!half) {
		l7_end_early(&f, responses ^ 1);
		l7_fail(&f, responses, modern);
	}
	l7_finished(&f);
	return 0;
}

static __noinline int l7_ended_modern(struct sock *sk, struct l7_connection *c, bool half)
{
	return l7_end_connection(sk, c, half, true);
}

static __noinline int l7_ended_few(struct sock *sk, struct l7_connection *c, bool half)
{
	return l7_end_connection(sk, c, half, false);
}

static __always_inline int l7_ended(struct sock *sk, struct l7_connection *c, bool half, bool modern)
{
	return modern ? l7_ended_modern(sk, c, half) : l7_ended_few(sk, c, half);
}

/* Nothing is left for a connection's hooks to do. */
static __always_inline void l7_over(struct sock *sk, struct l7_connection *c, bool modern)
{
	if (c->protocol != L7_HTTP1)
		return;
	l7_ended(sk, c, false, modern);
	c->protocol = L7_LEFT;
}

static __always_inline void l7_end_and_forget(struct sock *sk, struct l7_connection *c, bool stored)
{
	l7_over(sk, c, stored);
	l7_forget_connection(sk, stored);
}

/*
 * A call on a Unix socket moved nothing: has its other end been closed, or says it no more? No event tells when a Unix socket
 * ends, but this end notices, and still holds the other.
 */
static __always_inline void l7_unix_over(struct sock *sk, struct l7_connection *c)
{
	__u8 shut = BPF_CORE_READ(sk, sk_shutdown) & L7_SHUT_BOTH;
	struct l7_connection *other;
	struct unix_sock *unix_sock;
	struct sock *peer;

	if (!(shut & L7_SHUT_RECEIVE))
		return;
	if (shut == L7_SHUT_BOTH)
		l7_over(sk, c, true);
	unix_sock = bpf_skc_to_unix_sock(sk);
	peer = unix_sock ? unix_sock->peer : 0;
	if (!peer)
		return;
	other = l7_connection_of(peer, true, false);
	if (!other)
		return;
	if (shut == L7_SHUT_BOTH)
		l7_over(peer, other, true);
	else if (other->protocol == L7_HTTP1 && other->role == L7_SERVER)
		l7_ended(peer, other, true, true);
}

/*
 * Has a call moved bytes of this connection of which its hook is yet to tell? Who writes to an end that has left is told so
 * before its call returns, and a reset may come on another processor while a call that has read or written is on its way out.
 */
static __always_inline bool l7_moving(struct sock *sk, struct l7_connection *c, enum l7_direction direction)
{
	__u32 moved = l7_sequence(sk, direction) - c->sequence[direction];

	moved -= l7_has_told_end(sk, direction);
	return c->numbered && (__s32)moved > 0;
}

/* Nothing can happen on a connection any more: a Unix socket has been closed, TCP's is taken away. */
static __always_inline int l7_closed(struct sock *sk, bool stored)
{
	struct l7_connection *c = l7_connection_of(sk, stored, false);

	if (c)
		l7_end_and_forget(sk, c, stored);
	return 0;
}

/*
 * A TCP connection has ended, of which there may be more to see: what a call that is under way sends or has read, and what
 * has come and was not read yet. A program that has shut down its own side reads the response only now. What no hook tells of
 * is waited for no longer than the socket is there.
 */
static __always_inline int l7_tcp_closed(struct sock *sk, bool stored)
{
	struct l7_connection *c = l7_connection_of(sk, stored, false);

	/* Before it is known what it speaks its first hook may be at work. */
	if (!c || c->protocol != L7_HTTP1)
		return 0;
	if (l7_unread(sk, c) || l7_moving(sk, c, L7_RECEIVE) || l7_moving(sk, c, L7_SEND))
		c->over = true;
	else
		l7_end_and_forget(sk, c, stored);
	return 0;
}

/*
 * TCP states: SYN_SENT and ESTABLISHED are a client's beginning, FIN_WAIT1 and LAST_ACK the server's own end of a body, CLOSE
 * that of the connection.
 */
static __always_inline int l7_tcp_state(struct sock *sk, int from, int state, bool stored)
{
	struct l7_connection *c;

	if (state == TCP_SYN_SENT)
		l7_connects(sk);
	else if (from == TCP_SYN_SENT && state == TCP_ESTABLISHED)
		l7_connected(sk);
	if (state == TCP_CLOSE)
		return l7_tcp_closed(sk, stored);
	if (state != TCP_FIN_WAIT1 && state != TCP_LAST_ACK)
		return 0;
	c = l7_connection_of(sk, stored, false);
	if (c && c->protocol == L7_HTTP1 && c->role == L7_SERVER)
		l7_ended(sk, c, true, stored);
	return 0;
}

#endif /* SKEP_L7_ENDING_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * steps.h: goes through the bytes that a call moved, header by header, body by body.
 */
#ifndef SKEP_L7_STEPS_H
#define SKEP_L7_STEPS_H

#include "exchange.h"

/* Are responses what is being looked at? */
static __always_inline bool l7_answers(struct l7_feed *f)
{
	return (f->c->role == L7_SERVER) == (f->work->direction == L7_SEND);
}

/* Requests that wait will not be answered: their responses cannot be told apart any more. */
static __always_inline void l7_give_up(struct l7_feed *f, enum l7_loss reason, __u8 protocol)
{
	struct l7_connection *c = f->c;
	__u32 waiting = c->pushed - c->popped;

	/* What is said behind a response and is none, as a body that HEAD got nevertheless, is no request's. */
	if (!waiting && !(reason == L7_LOST_FORMAT && l7_answers(f)))
		waiting = 1;
	if (c->protocol == L7_HTTP1) {
		l7_lost(reason, waiting);
		c->mourned = waiting - (waiting && reason == L7_LOST_UNSEEN && l7_answers(f));
	}
	c->popped = c->pushed;
	c->protocol = protocol;
	c->turns = 0;
	c->direction = 0;
	f->work->at = f->work->end;
}

/* The first header of a connection says who serves. False when nobody asked for that. Once a connection: one copy. */
static __noinline bool l7_recognise(struct l7_feed *f, struct http1_stream *s)
{
	struct l7_connection *c = f->c;
	struct sock *sk = f->sk;
	bool response = s->flags & HTTP1_IS_RESPONSE, receiving = f->work->direction == L7_RECEIVE;
	__u8 role = response == receiving ? L7_CLIENT : L7_SERVER;
	struct http1_stream *other = &c->stream[(f->work->direction ^ 1) & 1];

	if (c->role && c->role != role) {
		l7_give_up(f, L7_LOST_FORMAT, L7_FOREIGN);
		return false;
	}
	c->role = role;
	if (response)
		s->flags |= HTTP1_ANSWERS;
	else
		other->flags |= HTTP1_ANSWERS;
	/* What began there was none, and has no end that one would begin behind: words, or a body that the probe came upon. */
	if (other->state && !other->method && !(other->flags & HTTP1_IS_RESPONSE))
		http1_start(other);
	if (f->work->family != L7_AF_UNIX)
		c->port = role == L7_SERVER ? BPF_CORE_READ(sk, __sk_common.skc_num)
					    : bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (!skep_in(target_port, c->port) && !(own_pid && c->process == own_pid)) {
		c->protocol = L7_UNWATCHED;
		f->work->at = f->work->end;
		return false;
	}
	l7_tell_end(sk, f->work->family, c->process, &f->work->ends);
	/*
	 * What the other direction moves from now on is known, or known to be missing. What this one has just moved is known
	 * when its hook is through: the end of the connection may come before, on another processor.
	 */
	c->numbered = l7_is_numbered(sk, f->work->family);
	if (c->numbered) {
		c->sequence[(f->work->direction ^ 1) & 1] = l7_sequence(sk, f->work->direction ^ 1);
		c->sequence[f->work->direction & 1] = l7_sequence(sk, f->work->direction) - (__u32)f->work->end;
	}
	barrier();
	c->protocol = L7_HTTP1;
	return true;
}

/* Brings the window to where the message has been taken to. False when those bytes cannot be read. */
static __always_inline bool l7_fetch(struct l7_feed *f)
{
	struct http1_window *w = &f->work->window;
	__u64 left, within, *behind;

	if (f->work->unseen || f->work->at < f->work->bypassed)
		return false;
	/* One piece a step: a loop here would be one within a loop. */
	if (f->work->at >= f->work->cursor.piece_start + f->work->cursor.piece_length)
		return l7_next_piece(&f->work->message, &f->work->cursor);
	within = f->work->at - f->work->cursor.piece_start;
	if (within >= f->work->cursor.piece_length)
		return false;
	left = f->work->cursor.piece_length - within;
	if (left > f->work->end - f->work->at)
		left = f->work->end - f->work->at;
	if (left > HTTP1_WINDOW)
		left = HTTP1_WINDOW;
	asm volatile("" : "+r"(left));
	if (left > HTTP1_WINDOW || !left)
		return false;
	if (bpf_probe_read_user(w->bytes, left, (void *)(f->work->cursor.piece + within)))
		return false;
	behind = (__u64 *)&w->bytes[left];
#pragma unroll
	for (int i = 0; i < HTTP1_ZEROES / 8; i++)
		behind[i] = 0;
	w->length = left;
	w->position = 0;
	w->path_from = w->path_to = 0;
	f->work->window_at = f->work->at;
	return true;
}

/* Steps over what is known to be body. False when what is next must be read. */
static __always_inline bool l7_step_over(struct l7_feed *f, struct http1_stream *s)
{
	struct l7_work *work = f->work;
	__u64 left = (work->at < work->bypassed ? work->bypassed : work->end) - work->at;
	__u8 reason = work->at < work->bypassed ? L7_BYPASSED : work->unseen;

	if (s->state == HTTP1_CLOSE) {
		s->body += left;
	} else if (s->state == HTTP1_BODY || s->state == HTTP1_CHUNK) {
		if (left > s->remain)
			left = s->remain;
		s->remain -= left;
		if (!s->remain) {
			s->at = 0;
			s->state = s->state == HTTP1_BODY ? HTTP1_DONE : HTTP1_SIZE;
		}
	} else {
		return false;
	}
	if (reason)
		l7_not_seen(reason, left);
	work->at += left;
	return true;
}

/*
 * A body behind an answer that has none, as some programs give to HEAD: stepped over, by the length that was told, or in
 * chunks, or what is left of the call that a server sends it with, if another request waits and nothing says how long it is.
 * False: it is not that.
 */
static __always_inline bool l7_surplus(struct l7_feed *f, struct http1_stream *s)
{
	struct l7_connection *c = f->c;
	__u32 looked = f->work->window.position, length = c->surplus;
	bool chunks = length == L7_SURPLUS_CHUNKS;

	if (!length || c->surplus_after != c->popped)
		return false;
	/* Back to its first byte, or to the window's. */
	if (looked > s->header)
		looked = s->header;
	if (length == L7_SURPLUS_ENDLESS) {
		if (c->role != L7_SERVER || c->popped == c->pushed)
			return false;
		f->work->at = f->work->end;
		http1_start(s);
		return true;
	}
	c->surplus = 0;
	if (chunks ? looked != s->header : length < s->header - looked)
		return false;
	f->work->at -= looked;
	length -= s->header - looked;
	http1_start(s);
	if (chunks) {
		s->state = HTTP1_SIZE;
	} else if (length) {
		s->remain = length;
		s->state = HTTP1_BODY;
	}
	return true;
}

/*
 * An answer without a header, to the only request that waits: many servers refuse so what is too long for them, and leave.
 * It ends with the connection, as in HTTP/0.9, and has no status. One whose chunks are none has its status, and ends so too.
 * False: it is not that.
 */
static __always_inline bool l7_headless(struct l7_feed *f, struct http1_stream *s)
{
	if (f->c->pushed - f->c->popped != 1)
		return false;
	if (!(s->flags & HTTP1_CHUNKED)) {
		s->status = 0;
		s->body = s->header;
	}
	s->flags |= HTTP1_IS_RESPONSE | HTTP1_BROKEN;
	s->state = HTTP1_CLOSE;
	return true;
}

/*
 * What a client says that is no request: a body that it did not announce, or more than it did; what is for the other end of
 * a tunnel, before that stands. It is stepped over; what waits for a response gets that, and one beyond is the refusal of
 * this. False: it is not that.
 */
static __always_inline bool l7_babble(struct l7_feed *f, struct http1_stream *s)
{
	if (s->flags & HTTP1_IS_RESPONSE)
		return false;
	/* Of a request that is older than the probe it may be the body. */
	if (f->c->pushed)
		f->c->garbled = true;
	f->work->at = f->work->end;
	s->state = HTTP1_DONE;
	return true;
}

/* The connection did not end with it: there is a further request. So it was no answer, and who knows whose the next one is. */
static __always_inline void l7_not_headless(struct l7_feed *f, struct http1_stream *s)
{
	struct l7_connection *c = f->c;
	__u32 waiting = c->pushed - c->popped;

	if (!(s->flags & HTTP1_BROKEN) || waiting == 1)
		return;
	if (waiting) {
		l7_lost(L7_LOST_FORMAT, 1);
		c->popped++;
	}
	http1_start(s);
}

/*
 * Bytes that are no HTTP/1. A connection that is older than the probe may have been in the middle of a message: it gets
 * further tries, each when its direction turns, which is where messages begin. And what is asked of a SOCKS proxy goes before
 * the first message: three questions and their answers, with a password (RFC 1928, RFC 1929).
 */
#define L7_TRIES 7

static __always_inline void l7_not_http1(struct l7_feed *f, struct http1_stream *s)
{
	struct l7_connection *c = f->c;
	__u8 turns = c->protocol == L7_HTTP1 ? 0 : c->turns + 1;
	__s64 moved = l7_moved(f->sk, f->work->direction);
	struct tcp_sock *tcp = (struct tcp_sock *)f->sk;

	/* Of what has come a server may have read the beginning only, and in pieces. */
	if (f->work->direction == L7_RECEIVE)
		moved -= BPF_CORE_READ(tcp, rcv_nxt) - BPF_CORE_READ(tcp, copied_seq);
	c->garbled = turns == 1 && l7_is_numbered(f->sk, f->work->family) &&
		     moved <= s->header + (f->work->end - f->work->at) + 1;
	l7_give_up(f, L7_LOST_FORMAT, turns >= L7_TRIES ? L7_FOREIGN : L7_UNDECIDED);
	c->turns = turns;
	/* More of the same direction is more of the same, and no further try: a body may be under way for minutes. */
	c->direction = f->work->direction + 1;
	http1_start(s);
}

/* Bytes that are no HTTP/1. False when nothing is known of them. */
static __noinline bool l7_goes_on(struct l7_feed *f, struct http1_stream *s)
{
	if (f->c->protocol == L7_HTTP1 &&
	    (l7_answers(f) ? l7_surplus(f, s) || l7_headless(f, s) : l7_babble(f, s)))
		return true;
	l7_not_http1(f, s);
	return false;
}

/* One step along the message: over a body, or through a window up to where something is to be done. 1: it is at its end. */
static __always_inline long l7_one_step(struct l7_feed *f)
{
	struct http1_window *w = &f->work->window;
	struct http1_stream *s = &w->stream;

	if (f->work->at >= f->work->end)
		return 1;
	if (!l7_step_over(f, s)) {
		__u32 before;

		if (f->work->at < f->work->window_at || f->work->at >= f->work->window_at + w->length) {
			if (!l7_fetch(f)) {
				l7_not_seen(f->work->at < f->work->bypassed ? L7_BYPASSED :
					    f->work->unseen ? f->work->unseen : L7_UNREADABLE, f->work->end - f->work->at);
				l7_give_up(f, L7_LOST_UNSEEN, L7_UNDECIDED);
				return 1;
			}
			if (f->work->at < f->work->window_at || f->work->at >= f->work->window_at + w->length)
				return 0;
		} else {
			w->position = f->work->at - f->work->window_at;
		}
		before = w->position;
		http1_parse(f->index);
		s->header += w->position - before;
		f->work->at = f->work->window_at + w->position;
		if (by_route && w->position >= w->length && s->state >= HTTP1_TARGET && s->state < HTTP1_BODY &&
		    !(s->flags & HTTP1_IS_RESPONSE))
			l7_keep_cut(f->index);
		if (s->state == HTTP1_BAD && !l7_goes_on(f, s))
			return 1;
		if (s->state == HTTP1_HEADERS) {
			if (f->c->protocol != L7_HTTP1 && !l7_recognise(f, s))
				return 1;
			if (s->flags & HTTP1_IS_RESPONSE)
				l7_response(f);
			else {
				if (f->c->orphan)
					l7_adopt(f, s->method);
				l7_request(f);
			}
		} else if (s->header > HTTP1_MAX_HEADER && s->state < HTTP1_BODY) {
			/* Before any message it may be the middle of a body: text without an end of a line. */
			if (f->c->protocol == L7_HTTP1)
				l7_give_up(f, L7_LOST_HEADER, L7_FOREIGN);
			else
				l7_goes_on(f, s);
			return 1;
		}
	}
	if (s->state == HTTP1_DONE)
		l7_done(f);
	return f->work->at >= f->work->end || f->c->protocol == L7_LEFT;
}

/* ---- what the hooks call ---- */

#define L7_STEPS 8192
#define L7_FEW_STEPS 1000

static __noinline long l7_step(__u32 index, struct l7_feed *f)
{
	return l7_one_step(f);
}

/* A global function is given no pointers: it finds them again, which it can only where connections are in a hash. */
static __always_inline bool l7_again(struct l7_feed *f, __u32 index)
{
	f->index = index;
	f->work = l7_work_at(index);
	if (!f->work)
		return false;
	f->sk = (struct sock *)f->work->socket;
	f->c = bpf_map_lookup_elem(&l7_by_address, &f->work->socket);
	return f->c;
}

__noinline int l7_step_addressed(__u32 index)
{
	struct l7_feed f = {};

	return l7_again(&f, index) ? l7_one_step(&f) : 1;
}

/* Goes through `work->end` bytes, of which the first `work->bypassed` were not seen by any hook. */
static __always_inline void l7_go(struct l7_feed *f, bool modern)
{
	struct l7_connection *c = f->c;
	struct l7_work *work = f->work;
	struct http1_window *w = &work->window;
	struct http1_stream *own = &c->stream[work->direction & 1];

	w->stream = *own;
	l7_not_headless(f, &w->stream);
	w->now = bpf_ktime_get_ns();
	w->seed = work->service * HTTP1_PARAMETER;
	w->length = 0;
	work->window_at = 0;
	work->at = work->settled;
	l7_first_piece(&work->message, &work->cursor, work->bypassed);
	L7_LOOP(modern, L7_STEPS, l7_step, f, L7_FEW_STEPS, l7_step_addressed, f->index);
	if (work->at < work->end && c->protocol == L7_HTTP1)
		l7_give_up(f, L7_LOST_STEPS, L7_UNDECIDED);
	*own = w->stream;
}

#endif /* SKEP_L7_STEPS_H */

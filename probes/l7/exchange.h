/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * exchange.h: requests wait in their connection for the responses that end them.
 */
#ifndef SKEP_L7_EXCHANGE_H
#define SKEP_L7_EXCHANGE_H

#include "count.h"
#include "sequence.h"

struct l7_feed {
	struct sock *sk;
	struct l7_connection *c;
	struct l7_work *work;
	__u32 index; /* of the work */
};

/* Who is at the other end is asked so often, unless it is known to be a service of this machine. */
#define L7_ASKED 2

/* A connection's request has ended as the work's `ending` says: counts it and `body` bytes of it, with what is known of the connection. */
static __always_inline void l7_finish(struct l7_feed *f, struct l7_request *r, __u64 body)
{
	struct l7_connection *c = f->c;
	struct l7_ending *end = &f->work->ending;
	struct l7_outcome *o = &f->work->outcome;

	o->request = *r;
	o->request.body = body;
	o->socket = f->work->socket;
	o->ended = end->at;
	o->response_bytes = end->response_bytes;
	o->status = end->status;
	o->error = end->error;
	o->peer = c->peer;
	o->process = c->process;
	o->service = c->service;
	o->port = c->port;
	o->family = c->family;
	o->role = c->role;
	l7_count(f->index);
	/* Of a connection that is older than the probe the other end may tell who it is only after this one has asked. */
	if ((o->peer & ~L7_PEER_MASK) == L7_PEER_SERVICE || c->popped >= L7_ASKED)
		c->peer = o->peer;
}

static __always_inline void l7_ends_with(struct l7_feed *f, __u64 at, __u64 response_bytes, __u16 status, __u16 error)
{
	f->work->ending.at = at;
	f->work->ending.response_bytes = response_bytes;
	f->work->ending.status = status;
	f->work->ending.error = error;
}

/* ---- requests ---- */

/* Has nothing come of a body whose header has? */
static __always_inline bool l7_awaits_body(const struct http1_stream *s)
{
	return (s->state == HTTP1_BODY && s->remain == s->body) || (s->state == HTTP1_SIZE && !s->at && !s->body) ||
	       (s->state == HTTP1_CLOSE && !s->body);
}

/*
 * A request has come while a response is under way that was taken to have a body, since it was not known what was asked: HEAD,
 * if nothing of it came. Either that was asked before the probe, or it is this very request, the hook of which was overtaken.
 */
static __always_inline void l7_adopt(struct l7_feed *f, __u8 method)
{
	struct l7_connection *c = f->c;
	struct http1_stream *response = &c->stream[(f->work->direction ^ 1) & 1];
	bool overtaken = c->role == L7_CLIENT && l7_sent_before(c, c->ahead_sequence);

	c->orphan = false;
	if (c->pushed != c->popped || (overtaken && method != HTTP1_HEAD) || !l7_awaits_body(response))
		return;
	if (overtaken) {
		c->ahead = f->work->window.now;
		c->ahead_status = response->status;
		c->ahead_body = 0;
	} else {
		l7_lost(L7_LOST_ALONE, 1);
	}
	http1_start(response);
}

/* No request is shorter; the end of the stream counts as a byte. */
#define L7_SHORTEST 16

/*
 * A response is nobody's: lost with its request, unless it is a server's own word. With 408 it has waited for a request long
 * enough; with 400 some answer a connection that was opened and left, as those do that check whether it is there (HAProxy): TCP
 * then has moved less than a request. Where it counts nothing that is believed.
 */
static __always_inline void l7_alone(struct l7_feed *f, __u16 status)
{
	__u64 asked = 0;

	if (status == 400 && f->c->numbered)
		asked = l7_moved(f->sk, f->c->role == L7_SERVER ? L7_RECEIVE : L7_SEND);
	if ((status != 408 && status != 400) || asked >= L7_SHORTEST)
		l7_lost(L7_LOST_ALONE, 1);
}

/* A request's header has been seen whole. */
static __noinline void l7_request(struct l7_feed *f)
{
	struct http1_stream *s = &f->work->window.stream;
	struct l7_connection *c = f->c;
	struct l7_request *spare = &f->work->spare, *r = l7_queue_end(c, spare);

	r->started = s->started;
	r->path = s->path;
	r->method = s->method;
	r->traced = (s->flags & HTTP1_HAS_PARENT) != 0;
	r->status = 0;
	__builtin_memcpy(r->parent, s->parent, sizeof(r->parent));
	if (s->flags & HTTP1_CHUNKED) {
		s->remain = 0;
		s->at = 0;
		s->state = HTTP1_SIZE;
	} else if ((s->flags & HTTP1_HAS_LENGTH) && s->remain) {
		s->body = s->remain;
		s->state = HTTP1_BODY;
	} else {
		s->state = HTTP1_DONE;
	}
	r->body = 0;
	r->passed = s->state == HTTP1_DONE;
	c->mourned = 0;
	r->route = by_route ? l7_ask_route(f->index) : 0;
	if (c->ahead && c->pushed == c->popped && !(c->role == L7_SERVER && c->ahead_sequence == c->pushed)) {
		/* Its response was seen first: the hook of receiving overtook that of sending. */
		__u64 ended = c->ahead, body = 0;

		c->ahead = 0;
		if (c->role == L7_CLIENT && l7_sent_before(c, c->ahead_sequence)) {
			if (s->state == HTTP1_BODY)
				body = f->work->end - f->work->at;
			if (body > s->remain)
				body = s->remain;
			l7_ends_with(f, ended, c->ahead_body, c->ahead_status, HTTP_NO_ERROR);
			l7_finish(f, r, body);
			l7_meet(c, s->started, body);
			r->status = c->ahead_status;
			r->passed |= L7_ANSWERED;
			r->started = 0;
			r->number = c->pushed++;
			c->popped++;
			goto counted;
		}
		l7_alone(f, c->ahead_status);
	}
	l7_push(c, r, spare);
counted:
	L7_NO_RESULT();
}

/* ---- responses ---- */

/*
 * A response whose request has no whole header: the server refuses one that is too long, or does not wait for its end, or it
 * was none. What is known of it is to be counted. NULL: it is not that.
 */
static __always_inline struct l7_request *l7_refused(struct l7_feed *f, const struct http1_stream *asked)
{
	struct l7_request *r = &f->work->spare;
	struct http1_window *w = &f->work->window;

	if (!f->c->garbled &&
	    (asked->state <= HTTP1_TOKEN || asked->state >= HTTP1_BODY || asked->flags & HTTP1_IS_RESPONSE))
		return 0;
	__builtin_memset(r, 0, sizeof(*r));
	r->started = asked->started;
	r->path = asked->state <= HTTP1_TARGET ? f->work->service * HTTP1_PARAMETER : asked->path;
	r->method = asked->method;
	/* Its text was kept where its window ended. A response has none of its own. */
	if (by_route && asked->state > HTTP1_TARGET && asked->flags & HTTP1_CUT) {
		w->stream.path = asked->path;
		w->stream.flags |= HTTP1_CUT;
		w->path_from = w->path_to = 0;
		r->route = l7_ask_route(f->index);
	}
	/* The rest of the header may come, and is no request. Behind what was none at all a server may take one. */
	if (!f->c->garbled)
		f->c->protocol = L7_LEFT;
	f->c->garbled = false;
	return r;
}

/* A response without a request: older than the probe, refused (then what is to be counted), or its request's hook is yet to run. */
static __always_inline struct l7_request *l7_unasked(struct l7_feed *f, struct http1_stream *s)
{
	struct l7_connection *c = f->c;
	struct l7_request *r = 0;

	/* Of a client the hook of the request's end may be yet to run: over TCP its numbers tell, when that does. */
	if (c->role == L7_SERVER || !c->numbered || c->garbled)
		r = l7_refused(f, &c->stream[c->role == L7_SERVER ? L7_RECEIVE : L7_SEND]);
	if (r)
		return r;
	if (c->mourned) {
		c->mourned--;
		return 0;
	}
	if (!c->numbered || c->ahead) {
		l7_alone(f, s->status);
		return 0;
	}
	c->ahead_body = s->body;
	c->ahead_status = s->status;
	/* A server may answer first and read then, or its request is older than the probe: the end tells, see l7_end_early(). */
	c->ahead_sequence = c->role == L7_SERVER ? c->pushed : l7_sent(f->sk);
	c->ahead = f->work->window.now;
	return 0;
}

/* The request that a response is for is known no more. */
static __always_inline void l7_forgotten(struct l7_connection *c)
{
	l7_lost(L7_LOST_DEEP, 1);
	c->popped++;
}

/* A response's header has been seen whole. */
static __always_inline void l7_response(struct l7_feed *f)
{
	struct http1_stream *s = &f->work->window.stream;
	struct l7_connection *c = f->c;
	struct l7_request *r = l7_oldest(c);
	__u8 method = r ? r->method : HTTP1_OTHER;

	if (s->status >= 100 && s->status < 200 && s->status != 101) {
		http1_start(s);
		return;
	}
	if (s->status == 101 || (method == HTTP1_CONNECT && s->status < 300)) {
		c->protocol = L7_LEFT;
		s->state = HTTP1_DONE;
		return;
	}
	/* Of a request that is on its way to a server it is the answer, see l7_refused(). */
	if (c->pushed == c->popped &&
	    (c->role == L7_SERVER ? c->stream[L7_RECEIVE].state == HTTP1_START : c->numbered)) {
		c->orphan = true;
		c->ahead_sequence = l7_sent(f->sk);
	}
	if (method == HTTP1_HEAD || s->status == 204 || s->status == 304) {
		c->surplus = s->flags & HTTP1_CHUNKED	 ? L7_SURPLUS_CHUNKS
			     : s->flags & HTTP1_HAS_LENGTH ? s->remain
							   : L7_SURPLUS_ENDLESS;
		c->surplus_after = c->popped + 1;
		s->state = HTTP1_DONE;
	} else if (s->flags & HTTP1_CHUNKED) {
		s->remain = 0;
		s->at = 0;
		s->state = HTTP1_SIZE;
	} else if (s->flags & HTTP1_HAS_LENGTH) {
		s->body = s->remain;
		s->state = s->remain ? HTTP1_BODY : HTTP1_DONE;
	} else {
		s->state = HTTP1_CLOSE;
	}
}

/*
 * The bytes that have come of a body that may be on its way on another processor: as its last hook has left them, none while
 * one is at work.
 */
static __always_inline __u64 l7_come(struct l7_connection *c, enum l7_direction requests, __u64 started)
{
	volatile struct http1_stream *s = &c->stream[requests & 1];
	volatile __u8 *busy = &c->busy[requests & 1];
	__u64 come;

	if (*busy || s->state < HTTP1_BODY || s->state > HTTP1_TRAILING)
		return 0;
	come = http1_body_so_far((const struct http1_stream *)s);
	barrier();
	return *busy || s->started != started ? 0 : come;
}

/* A request has its response before its body has been seen whole. How much of that is to be counted with it? */
static __noinline __u64 l7_so_far(struct l7_connection *c, struct l7_request *r, enum l7_direction requests)
{
	__u64 come = l7_come(c, requests, r->started);
	__s64 all = l7_meet(c, r->started, come);

	return all == L7_IS_FIRST ? come : all;
}

/* A request has its response. How much of its body is to be counted with that? */
static __always_inline __u64 l7_answer(struct l7_feed *f, struct l7_request *r, __u16 status)
{
	r->status = status;
	barrier();
	__sync_fetch_and_add(&r->passed, L7_ANSWERED);
	return l7_is_whole(r) ? r->body : l7_so_far(f->c, r, f->work->direction ^ 1);
}

/*
 * Of the newest request's body all that will come has: `come` bytes. The request, when its response was there before, with what
 * is yet to be counted as its body; NULL when there is nothing to be done.
 */
static __noinline struct l7_request *l7_body_ends(struct l7_connection *c, struct http1_stream *s, __u64 come)
{
	struct l7_request *r = l7_newest(c);
	__s64 counted;

	if (!r || l7_is_whole(r))
		return 0;
	r->body = come;
	barrier();
	__sync_fetch_and_add(&r->passed, L7_WHOLE);
	if (!l7_is_answered(r))
		return 0;
	counted = l7_meet(c, s->started, come);
	if (counted == L7_IS_FIRST || counted >= come)
		return 0;
	r->body = come - counted;
	return r;
}

static __always_inline void l7_ends_late(struct l7_feed *f, struct l7_request *r)
{
	l7_ends_with(f, L7_ENDED_BEFORE, 0, r->status, r->status ? HTTP_NO_ERROR : HTTP_CLOSED);
}

/* A message has been seen whole. */
static __always_inline void l7_done(struct l7_feed *f)
{
	struct http1_stream *s = &f->work->window.stream;
	struct l7_connection *c = f->c;
	struct l7_request *r = 0, *answered = 0;
	__u64 body = 0;

	if (s->flags & HTTP1_IS_RESPONSE) {
		c->orphan = false;
		l7_ends_with(f, f->work->window.now, s->body, s->status,
			     s->flags & HTTP1_BROKEN ? HTTP_CLOSED : HTTP_NO_ERROR);
		r = answered = l7_oldest(c);
		if (r)
			body = l7_answer(f, r, s->status);
		else if (c->popped != c->pushed)
			l7_forgotten(c);
		else if (c->protocol != L7_LEFT)
			r = l7_unasked(f, s);
	} else if (s->body || s->flags & HTTP1_CHUNKED) {
		r = l7_body_ends(c, s, s->body);
		if (r) {
			body = r->body;
			l7_ends_late(f, r);
		}
	}
	if (r)
		l7_finish(f, r, body);
	if (answered)
		l7_pop(c, answered);
	http1_start(s);
}

#endif /* SKEP_L7_EXCHANGE_H */

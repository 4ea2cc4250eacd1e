/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * http.h: what becomes of the bytes that sockets send and receive: requests, responses, series, spans.
 */
#ifndef SKEP_L7_HTTP_H
#define SKEP_L7_HTTP_H

#include "work.h"

/* ---- what was not counted, and why ---- */

enum l7_loss {
	L7_LOST_FORMAT,		/* bytes that are no HTTP/1 where a message should begin */
	L7_LOST_UNSEEN,		/* a header was among bytes that are not seen */
	L7_LOST_STEPS,		/* more messages in one call than are looked at */
	L7_LOST_HEADER,		/* a header without an end */
	L7_LOST_ALONE,		/* a response without a request: the connection is older than the probe */
	L7_LOST_SCRATCH,	/* no scratch memory on this CPU */
	L7_LOST_OPEN,		/* more of them waited at a connection's end than are counted as failed */
	L7_LOSSES,
};

struct l7_reasons {
	__u64 lost[8];		/* requests or responses, by enum l7_loss */
	__u64 unseen[8];	/* bytes, by enum l7_unseen */
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct l7_reasons);
} l7_reasons SEC(".maps") SKEP_HELP("what was not counted, and bytes that were not looked at, by reason");

static __always_inline void l7_lost(enum l7_loss reason, __u64 count)
{
	__u32 zero = 0;
	struct l7_reasons *r = bpf_map_lookup_elem(&l7_reasons, &zero);

	if (r)
		r->lost[reason & 7] += count;
}

static __always_inline void l7_not_seen(enum l7_unseen reason, __u64 bytes)
{
	__u32 zero = 0;
	struct l7_reasons *r = bpf_map_lookup_elem(&l7_reasons, &zero);

	if (r)
		r->unseen[reason & 7] += bytes;
}

/* ---- routes ---- */

SKEP_HASH(l7_routes, __u64, __u32, 16384) SKEP_HELP("the number of a path's route, by fingerprint; 0 while it is asked for");

struct http_path {
	__u64 path SKEP_HELP("fingerprint");
	__u32 service SKEP_HELP("whose path it is: its number, or the process id and 2^31");
	__u32 length SKEP_HELP("of the text, bytes");
	char text[256] SKEP_HELP("without the query");
};
SKEP_RINGBUF(print_http_paths, struct http_path, 256 * 1024) SKEP_HELP("the text of each new fingerprint");

SKEP_PARAM(bool, by_route, true, "whether requests are counted by the route of their path");

/* The beginning of a path that was cut by the end of a call: no more is added once it has that many bytes. */
#define L7_CUT 112

struct l7_cut {
	__u32 length;
	__u32 pad;
	char text[256];
};
SKEP_LRU_HASH(l7_cuts, __u64, struct l7_cut, 1024);
SKEP_ARRAY(l7_no_cut, struct l7_cut, 1);

/* ---- one run of a hook: what the verifier must know the types of, and the rest ---- */

struct l7_feed {
	struct sock *sk;
	struct l7_connection *c;
	struct l7_work *work;
	__u32 index; /* of the work */
};

/* ---- counting ---- */

static __always_inline void l7_send_span(struct l7_work *work, __u64 duration, enum span_reason reason)
{
	struct http_span *e = skep_reserve(print_http_spans, struct http_span);
	struct l7_outcome *o = &work->outcome;
	struct http_series *key = &work->key;
	struct l7_ends_of *ends = &work->ends;
	struct sock *sk = (struct sock *)o->socket;

	if (!e)
		return;
	__builtin_memset(ends, 0, sizeof(*ends));
	if (o->family != L7_AF_UNIX)
		l7_ends_at(sk, o->family, ends);
	e->start = o->request.started;
	e->duration = duration;
	e->route = key->route;
	e->path = o->request.path;
	e->peer = key->peer;
	e->request_bytes = o->request.body;
	e->response_bytes = o->response_bytes;
	e->pid = o->process;
	e->service = key->service;
	e->port = key->port;
	e->status = key->status;
	e->role = key->role;
	e->method = key->method;
	e->error = key->error;
	e->reason = reason;
	e->local_address = ends->local.ip;
	e->peer_address = ends->remote.ip;
	e->local_port = ends->local.port;
	e->peer_port = ends->remote.port;
	e->traced = o->request.traced;
	if (o->request.traced) {
		e->trace_flags = o->request.parent[25];
		__builtin_memcpy(&e->trace_id, &o->request.parent[1], 16);
		__builtin_memcpy(&e->parent_id, &o->request.parent[17], 8);
	} else {
		/* An earlier request's, or nobody's. */
		e->trace_flags = 0;
		__builtin_memset(&e->trace_id, 0, sizeof(e->trace_id));
		__builtin_memset(&e->parent_id, 0, sizeof(e->parent_id));
	}
	skep_submit(e);
}

static __always_inline void l7_maybe_span(struct l7_work *work, struct http_counts *counts, __u64 duration)
{
	struct l7_outcome *o = &work->outcome;
	struct http_series *key = &work->key;
	bool slow = l7_slow(counts, duration);
	bool failed = !key->status || key->status >= 500 || (key->status >= 400 && key->role == HTTP_CLIENT);
	enum span_reason reason = failed ? SPAN_ERROR : SPAN_SLOW;

	if (!(failed ? l7_due(&counts->due[0], o->ended, error_gap, L7_SERIES_BURST)
		     : slow && l7_due(&counts->due[1], o->ended, slow_gap, L7_SERIES_BURST))) {
		if (!l7_due(&counts->due[2], o->ended, sample_gap, 0))
			return;
		reason = SPAN_SAMPLE;
	}
	if (l7_span_allowed(o->ended))
		l7_send_span(work, duration, reason);
}

/* The work's request has its response, or will have none. */
__noinline int l7_count(__u32 index)
{
	struct l7_work *work = l7_work_at(index);
	struct http_counts *counts;
	struct http_series *key;
	struct l7_outcome *o;
	__u64 duration;
	__u32 *route, number;

	if (!work)
		return 0;
	o = &work->outcome;
	key = &work->key;
	__builtin_memset(key, 0, sizeof(*key));
	duration = o->ended > o->request.started ? o->ended - o->request.started : 0;
	if (!(o->peer >> 56))
		o->peer = l7_peer_of((struct sock *)o->socket, o->family, o->role == L7_SERVER, &work->ends);
	key->service = o->service;
	key->role = o->role;
	key->peer = o->peer;
	key->method = o->request.method;
	key->port = o->port;
	key->status = o->status;
	key->error = o->error;
	if (by_route) {
		number = o->request.route;
		if (!number) {
			route = bpf_map_lookup_elem(&l7_routes, &o->request.path);
			if (route)
				number = *route;
		}
		key->route = number ? number : o->request.path;
	}
	counts = l7_counts_of(key);
	if (!counts)
		return 0;
	__sync_fetch_and_add(&counts->slots[skep_latency_slot(duration) & (SKEP_LATENCY_SLOTS - 1)], 1);
	__sync_fetch_and_add(&counts->sum, duration);
	if (o->request.body)
		__sync_fetch_and_add(&counts->request_bytes, o->request.body);
	if (o->response_bytes)
		__sync_fetch_and_add(&counts->response_bytes, o->response_bytes);
	l7_maybe_span(work, counts, duration);
	return 0;
}

/* A connection's request has ended as the work's `ending` says: counts it, with what is known of the connection. */
static __always_inline void l7_finish(struct l7_feed *f, struct l7_request *r)
{
	struct l7_connection *c = f->c;
	struct l7_ending *end = &f->work->ending;
	struct l7_outcome *o = &f->work->outcome;

	o->request = *r;
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
	c->peer = o->peer;
}

static __always_inline void l7_ends_with(struct l7_feed *f, __u64 at, __u64 response_bytes, __u16 status, __u16 error)
{
	f->work->ending.at = at;
	f->work->ending.response_bytes = response_bytes;
	f->work->ending.status = status;
	f->work->ending.error = error;
}

/* ---- TCP's own count of what was sent and read: what went past the hooks shows in it ---- */

static __always_inline __u32 l7_sent(struct sock *sk)
{
	return BPF_CORE_READ((struct tcp_sock *)sk, write_seq);
}

static __always_inline __u32 l7_sequence(struct sock *sk, enum l7_direction direction)
{
	return direction == L7_SEND ? l7_sent(sk) : BPF_CORE_READ((struct tcp_sock *)sk, copied_seq);
}

/*
 * Bytes that a direction moved past the hooks since its last message, before the `length` that a call has just moved:
 * sendfile before Linux 6.5, splice from TCP, zero-copy receive. Asked only within bodies, where such bytes belong.
 */
static __always_inline __u32 l7_gap(struct sock *sk, struct l7_connection *c, enum l7_direction direction, __u32 length)
{
	__u8 state = c->stream[direction & 1].state;
	__s32 gap;

	if (c->family == L7_AF_UNIX || c->protocol != L7_HTTP1 ||
	    (state != HTTP1_BODY && state != HTTP1_CHUNK && state != HTTP1_CLOSE))
		return 0;
	gap = l7_sequence(sk, direction) - length - c->sequence[direction & 1];
	return gap > 0 ? gap : 0;
}

/* Had the bytes that a call just sent, `length` of them, been sent when the socket's sequence was at `sequence`? */
static __always_inline bool l7_sent_before(struct sock *sk, __u64 length, __u32 sequence)
{
	return (__s32)(l7_sent(sk) - (__u32)length - sequence) < 0;
}

/* ---- requests ---- */

/*
 * The number of the route of the request that the work's window holds; 0 when it is not known. Sends the text of a path
 * whose route is not known, once. A text of two parts is cut off in each.
 */
__noinline int l7_ask_route(__u32 index)
{
	struct l7_work *work = l7_work_at(index);
	__u32 nothing = 0, from, length, before, *known;
	struct http1_window *w;
	struct http_path *e;
	struct l7_cut *cut;
	__u64 path;

	if (!work)
		return 0;
	w = &work->window;
	path = w->stream.path;
	known = bpf_map_lookup_elem(&l7_routes, &path);
	if (known)
		return *known;
	e = skep_reserve(print_http_paths, struct http_path);
	if (!e)
		return 0;
	from = w->path_from & (HTTP1_WINDOW - 1);
	length = w->path_to - w->path_from;
	cut = w->stream.flags & HTTP1_CUT ? bpf_map_lookup_elem(&l7_cuts, &work->socket) : 0;
	e->path = path;
	e->service = work->service;
	__builtin_memset(e->text, 0, sizeof(e->text));
	if (cut) {
		before = cut->length & 127;
		if (length > 127)
			length = 127;
		bpf_probe_read_kernel(e->text, before, cut->text);
		bpf_probe_read_kernel(&e->text[before], length & 127, &w->bytes[from]);
		e->length = before + length;
	} else {
		if (length > 255)
			length = 255;
		bpf_probe_read_kernel(e->text, length & 255, &w->bytes[from]);
		e->length = length;
	}
	if (skep_update(&l7_routes, &path, &nothing, BPF_NOEXIST)) {
		bpf_ringbuf_discard(e, 0);
		return 0;
	}
	skep_submit(e);
	return 0;
}

/*
 * A window ends within a request's header, after its path or in it: what the window has of the path is kept, in case the
 * path is new.
 */
__noinline int l7_keep_cut(__u32 index)
{
	struct l7_work *work = l7_work_at(index);
	struct l7_cut *cut;
	struct http1_window *w;
	struct http1_stream *s;
	__u32 from, length, before, zero = 0;
	__u64 path;
	bool within;

	if (!work)
		return 0;
	w = &work->window;
	s = &w->stream;
	path = s->path;
	within = s->state == HTTP1_TARGET;
	from = w->path_from & (HTTP1_WINDOW - 1);
	length = (within ? w->length : w->path_to) - w->path_from;
	if (!length || (!within && bpf_map_lookup_elem(&l7_routes, &path)))
		return 0;
	if (!(s->flags & HTTP1_CUT)) {
		cut = bpf_map_lookup_elem(&l7_no_cut, &zero);
		if (!cut)
			return 0;
		bpf_map_update_elem(&l7_cuts, &work->socket, cut, BPF_ANY);
		s->flags |= HTTP1_CUT;
	}
	cut = bpf_map_lookup_elem(&l7_cuts, &work->socket);
	if (!cut || cut->length >= L7_CUT)
		return 0;
	before = cut->length & 127;
	if (length > 127 - before)
		length = 127 - before;
	bpf_probe_read_kernel(&cut->text[before], length & 127, &w->bytes[from]);
	cut->length = before + length;
	w->path_from = w->path_to = 0;
	return 0;
}

/* A request's header has been seen whole. */
static __noinline void l7_request(struct l7_feed *f)
{
	struct http1_stream *s = &f->work->window.stream;
	struct l7_connection *c = f->c;
	struct l7_request *spare = &f->work->spare, *r = l7_queue_end(c, spare);

	r->started = s->started;
	r->path = s->path;
	r->body = 0;
	r->method = s->method;
	r->traced = (s->flags & HTTP1_HAS_PARENT) != 0;
	r->pad[0] = r->pad[1] = 0;
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
	r->body = s->body;
	r->route = by_route ? l7_ask_route(f->index) : 0;
	r->pad2 = 0;
	if (c->ahead && c->pushed == c->popped) {
		/* Its response was seen first: the hook of receiving overtook that of sending. */
		__u64 ended = c->ahead;

		c->ahead = 0;
		if (l7_sent_before(f->sk, f->work->end, c->ahead_sequence)) {
			l7_ends_with(f, ended, c->ahead_body, c->ahead_status, HTTP_NO_ERROR);
			l7_finish(f, r);
			r->started = 0;
			return;
		}
		l7_lost(L7_LOST_ALONE, 1);
	}
	l7_push(c, r, spare);
}

/* ---- responses ---- */

static __always_inline void l7_respond(struct l7_feed *f, struct l7_request *r, struct http1_stream *s)
{
	l7_ends_with(f, f->work->window.now, s->body, s->status, HTTP_NO_ERROR);
	l7_finish(f, r);
	l7_pop(f->c, r);
}

/* A response without a request: older than the probe, or its request's hook is yet to run. */
static __always_inline void l7_unasked(struct l7_feed *f, struct http1_stream *s)
{
	struct l7_connection *c = f->c;

	if (c->role != L7_CLIENT || f->work->family == L7_AF_UNIX || c->ahead) {
		l7_lost(L7_LOST_ALONE, 1);
		return;
	}
	c->ahead_body = s->body;
	c->ahead_status = s->status;
	c->ahead_sequence = l7_sent(f->sk);
	c->ahead = f->work->window.now;
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
		if (r)
			l7_respond(f, r, s);
		c->protocol = L7_LEFT;
		s->state = HTTP1_DONE;
		return;
	}
	if (method == HTTP1_HEAD || s->status == 204 || s->status == 304) {
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

/* A message has been seen whole. */
static __always_inline void l7_done(struct l7_feed *f)
{
	struct http1_stream *s = &f->work->window.stream;
	struct l7_connection *c = f->c;
	struct l7_request *r;

	if (c->protocol == L7_LEFT)
		return;
	if (s->flags & HTTP1_IS_RESPONSE) {
		r = l7_oldest(c);
		if (r)
			l7_respond(f, r, s);
		else
			l7_unasked(f, s);
	} else if (s->flags & HTTP1_CHUNKED && c->pushed - c->popped - 1 < L7_QUEUE) {
		r = &c->queue[(c->pushed - 1) & (L7_QUEUE - 1)];
		if (r->number == c->pushed - 1 && r->started)
			r->body = s->body;
	}
	http1_start(s);
}

/* ---- bytes ---- */

/* Requests that wait will not be answered: their responses cannot be told apart any more. */
static __always_inline void l7_give_up(struct l7_feed *f, enum l7_loss reason, __u8 protocol)
{
	struct l7_connection *c = f->c;
	__u32 waiting = c->pushed - c->popped;

	if (c->protocol == L7_HTTP1)
		l7_lost(reason, waiting ? waiting : 1);
	c->popped = c->pushed;
	c->protocol = protocol;
	c->turns = 0;
	c->direction = 0;
	f->work->at = f->work->end;
}

/* The first header of a connection says who serves. False when nobody asked for that. */
static __always_inline bool l7_recognise(struct l7_feed *f, struct http1_stream *s)
{
	struct l7_connection *c = f->c;
	struct sock *sk = f->sk;
	bool response = s->flags & HTTP1_IS_RESPONSE, receiving = f->work->direction == L7_RECEIVE;
	__u8 role = response == receiving ? L7_CLIENT : L7_SERVER;

	if (c->role && c->role != role) {
		l7_give_up(f, L7_LOST_FORMAT, L7_FOREIGN);
		return false;
	}
	c->role = role;
	if (f->work->family != L7_AF_UNIX)
		c->port = role == L7_SERVER ? BPF_CORE_READ(sk, __sk_common.skc_num)
					    : bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (!skep_in(target_port, c->port) && !(own_pid && c->process == own_pid)) {
		c->protocol = L7_UNWATCHED;
		f->work->at = f->work->end;
		return false;
	}
	c->protocol = L7_HTTP1;
	l7_tell_end(sk, f->work->family, c->process, &f->work->ends);
	/* What the other direction moves from now on is known, or known to be missing. */
	if (f->work->family != L7_AF_UNIX)
		c->sequence[(f->work->direction ^ 1) & 1] = l7_sequence(sk, f->work->direction ^ 1);
	return true;
}

/* Brings the window to where the message has been taken to. False when those bytes cannot be read. */
static __always_inline bool l7_fetch(struct l7_feed *f)
{
	struct http1_window *w = &f->work->window;
	__u64 left, within;

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
#pragma unroll
	for (int i = 0; i < HTTP1_AHEAD; i += 8)
		*(__u64 *)&w->bytes[left + i] = 0;
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
 * Bytes that are no HTTP/1. A connection that is older than the probe may have been in the middle of a message: it gets
 * further tries, each when its direction turns, which is where messages begin.
 */
#define L7_TRIES 4

static __always_inline void l7_not_http1(struct l7_feed *f, struct http1_stream *s)
{
	struct l7_connection *c = f->c;
	__u8 turns = c->protocol == L7_HTTP1 ? 0 : c->turns + 1;

	l7_give_up(f, L7_LOST_FORMAT, turns >= L7_TRIES ? L7_FOREIGN : L7_UNDECIDED);
	c->turns = turns;
	http1_start(s);
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
		if (s->state == HTTP1_BAD) {
			l7_not_http1(f, s);
			return 1;
		}
		if (s->state == HTTP1_HEADERS) {
			if (f->c->protocol != L7_HTTP1 && !l7_recognise(f, s))
				return 1;
			if (s->flags & HTTP1_IS_RESPONSE)
				l7_response(f);
			else
				l7_request(f);
		} else if (s->header > HTTP1_MAX_HEADER && s->state < HTTP1_BODY) {
			l7_give_up(f, L7_LOST_HEADER, L7_FOREIGN);
			return 1;
		}
	}
	if (s->state == HTTP1_DONE)
		l7_done(f);
	return f->work->at >= f->work->end || f->c->protocol == L7_LEFT;
}

/* ---- what the hooks call ---- */

#define L7_STEPS 1024
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

#define L7_EAGAIN 11
#define L7_EINTR 4
#define L7_ERESTARTSYS 512

/* Goes through `work->end` bytes, of which the first `work->bypassed` were not seen by any hook. */
static __always_inline void l7_go_on(struct l7_feed *f, bool modern)
{
	struct l7_connection *c = f->c;
	struct l7_work *work = f->work;
	struct http1_window *w = &work->window;
	struct http1_stream *own = &c->stream[work->direction & 1];

	w->stream = *own;
	w->now = bpf_ktime_get_ns();
	w->seed = work->service * HTTP1_PARAMETER;
	w->length = 0;
	work->window_at = 0;
	work->at = 0;
	l7_first_piece(&work->message, &work->cursor, work->bypassed);
	L7_LOOP(modern, L7_STEPS, l7_step, f, L7_FEW_STEPS, l7_step_addressed, f->index);
	if (work->at < work->end && c->protocol == L7_HTTP1)
		l7_give_up(f, L7_LOST_STEPS, L7_UNDECIDED);
	*own = w->stream;
}

static __noinline void l7_go_modern(struct l7_feed *f)
{
	l7_go_on(f, true);
}

static __noinline void l7_go_few(struct l7_feed *f)
{
	l7_go_on(f, false);
}

static __always_inline void l7_go(struct l7_feed *f, bool modern)
{
	if (modern)
		l7_go_modern(f);
	else
		l7_go_few(f);
}

/* Looks at the bytes that the current task's call moved, and at those before them that went past the hooks. */
static __always_inline void l7_look(struct l7_feed *f, bool at_exit, int flags, bool trusted)
{
	struct l7_connection *c = f->c;
	struct l7_work *work = f->work;
	__u32 gap = l7_gap(f->sk, c, work->direction, work->end);

	work->unseen = l7_find_message(f->sk, work->direction, at_exit, &work->message, trusted);
	if (flags & L7_MSG_TRUNC && work->direction == L7_RECEIVE && c->family != L7_AF_UNIX)
		work->unseen = L7_DISCARDED;
	if (work->direction == L7_SEND && !work->unseen && work->message.flags & L7_MSG_OOB)
		return;
	work->bypassed = gap;
	work->end += gap;
	l7_go(f, trusted);
	if (c->family != L7_AF_UNIX)
		c->sequence[work->direction & 1] = l7_sequence(f->sk, work->direction);
}

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
	f->work->bypassed = 0;
	return true;
}

static __always_inline void l7_finished(struct l7_feed *f)
{
	__sync_fetch_and_add(&f->work->users, -1);
}

/* The end of a body that ends with its connection. */
static __always_inline void l7_end_of_body(struct l7_feed *f, enum l7_direction direction)
{
	struct http1_stream *s = &f->c->stream[direction];
	struct l7_request *r = l7_oldest(f->c);

	if (s->state != HTTP1_CLOSE)
		return;
	if (r) {
		l7_ends_with(f, bpf_ktime_get_ns(), s->body, s->status, HTTP_NO_ERROR);
		l7_finish(f, r);
		l7_pop(f->c, r);
	}
	http1_start(s);
}

/* Takes note of what a direction moved past the hooks: a body, or the end of one. What else it was, nobody knows. */
static __always_inline void l7_settle(struct l7_feed *f, enum l7_direction direction)
{
	__u32 gap = l7_gap(f->sk, f->c, direction, 0);
	struct l7_work *work = f->work;
	struct http1_window *w = &work->window;

	if (!gap)
		return;
	w->stream = f->c->stream[direction];
	w->now = bpf_ktime_get_ns();
	work->at = 0;
	work->end = work->bypassed = gap;
	work->direction = direction;
	l7_step_over(f, &w->stream);
	if (w->stream.state == HTTP1_DONE)
		l7_done(f);
	if (work->at < work->end) {
		l7_not_seen(L7_BYPASSED, work->end - work->at);
		l7_give_up(f, L7_LOST_UNSEEN, L7_UNDECIDED);
	}
	f->c->stream[direction] = w->stream;
	f->c->sequence[direction] += gap;
	work->bypassed = 0;
}

/* A call on a socket has moved `result` bytes, or failed. `at_exit`: it has its result. */
static __always_inline int l7_traffic(struct sock *sk, enum l7_direction direction, int result, int flags,
				      bool stored, bool at_exit)
{
	struct l7_connection *c = l7_connection_of(sk, stored, false);
	__u32 process = bpf_get_current_pid_tgid() >> 32, zero = 0;
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
		else if (!result && direction == L7_RECEIVE && !(flags & L7_MSG_PEEK) && c->role == L7_CLIENT &&
			 c->stream[L7_RECEIVE].state == HTTP1_CLOSE)
			if (l7_begin(&f, sk, c, L7_RECEIVE)) {
				l7_end_of_body(&f, L7_RECEIVE);
				l7_finished(&f);
			}
		return 0;
	}
	if (direction == L7_RECEIVE && flags & (L7_MSG_PEEK | L7_MSG_ERRQUEUE | L7_MSG_OOB))
		return 0;
	if (!c || c->process != process) {
		__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

		if ((family != L7_AF_INET && family != L7_AF_INET6 && family != L7_AF_UNIX) ||
		    l7_socket_type(sk) != L7_SOCK_STREAM)
			return 0;
		if (!c)
			c = l7_connection_of(sk, stored, true);
		if (!c)
			return 0;
		c->family = family;
		c->process = process;
		if (!l7_watched(sk, process, family == L7_AF_UNIX)) {
			c->protocol = L7_UNWATCHED;
			return 0;
		}
		if (c->protocol == L7_UNWATCHED)
			c->protocol = L7_UNDECIDED;
	}
	turned = c->direction != direction + 1;
	c->direction = direction + 1;
	if (c->protocol != L7_HTTP1 && !turned && c->stream[direction & 1].state == HTTP1_START)
		return 0;
	control = bpf_map_lookup_elem(&l7_controls, &zero);
	if (control && control->learned)
		c->stream[direction & 1].flags |= HTTP1_LEARNED;
	c->service = l7_service_of(process);
	if (!l7_begin(&f, sk, c, direction)) {
		c->protocol = L7_UNDECIDED;
		return 0;
	}
	/* The end of a response that no hook saw, before the next request. */
	l7_settle(&f, direction ^ 1);
	f.work->direction = direction;
	f.work->end = result;
	l7_look(&f, at_exit, flags, stored);
	l7_finished(&f);
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

	if (!r)
		return 1;
	l7_finish(f, r);
	l7_pop(f->c, r);
	f->work->ending.status = 0;
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

	l7_ends_with(f, bpf_ktime_get_ns(), 0, begun ? s->status : 0, l7_error_of(error ? error : c->error));
	/* What went past all hooks was their responses. One more is the end of the stream. */
	if (c->family == L7_AF_UNIX || (__s32)(l7_sequence(sk, direction) - c->sequence[direction]) <= 1)
		L7_LOOP(modern, L7_FAILED, l7_fail_oldest, f, L7_FEW_FAILED, l7_fail_addressed, f->index);
	else
		l7_lost(L7_LOST_UNSEEN, c->pushed - c->popped), c->popped = c->pushed;
	if (c->pushed != c->popped)
		l7_lost(L7_LOST_OPEN, c->pushed - c->popped);
	c->popped = c->pushed;
}

/* The end of a connection, or with `half` of its server's side. */
static __always_inline int l7_end_connection(struct sock *sk, struct l7_connection *c, bool half, bool modern)
{
	enum l7_direction responses = c->role == L7_SERVER ? L7_SEND : L7_RECEIVE;
	struct l7_feed f = {};

	if (!l7_begin(&f, sk, c, responses))
		return 0;
	l7_settle(&f, responses);
	l7_end_of_body(&f, responses);
	if (!half)
		l7_fail(&f, responses, modern);
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

/* A connection has ended. */
static __always_inline int l7_closed(struct sock *sk, bool stored)
{
	struct l7_connection *c = l7_connection_of(sk, stored, false);

	if (!c)
		return 0;
	if (c->protocol == L7_HTTP1) {
		l7_ended(sk, c, false, stored);
		c->protocol = L7_LEFT;
	}
	l7_forget_connection(sk, stored);
	return 0;
}

/* TCP states: FIN_WAIT1 and LAST_ACK are the server's own end of a body, CLOSE that of the connection. */
static __always_inline int l7_tcp_state(struct sock *sk, int state, bool stored)
{
	struct l7_connection *c;

	if (state == TCP_CLOSE)
		return l7_closed(sk, stored);
	if (state != TCP_FIN_WAIT1 && state != TCP_LAST_ACK)
		return 0;
	c = l7_connection_of(sk, stored, false);
	if (c && c->protocol == L7_HTTP1 && c->role == L7_SERVER)
		l7_ended(sk, c, true, stored);
	return 0;
}

#include "hooks.h"

#endif /* SKEP_L7_HTTP_H */

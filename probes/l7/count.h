/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * count.h: a request that has ended is counted in its series, and perhaps a span is sent of it.
 */
#ifndef SKEP_L7_COUNT_H
#define SKEP_L7_COUNT_H

#include "routes.h"

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

/* Where a traceparent has its flags; the lowest says that its caller keeps a trace (W3C Trace Context 3.2.2.5). */
#define L7_PARENT_FLAGS 25

static __always_inline void l7_maybe_span(struct l7_work *work, struct http_counts *counts, __u64 duration)
{
	struct l7_outcome *o = &work->outcome;
	struct http_series *key = &work->key;
	bool slow = l7_slow(counts, duration);
	bool failed = !key->status || key->status >= 500 || (key->status >= 400 && key->role == HTTP_CLIENT);
	enum span_reason reason = failed ? SPAN_ERROR : SPAN_SLOW;

	/* As OpenTelemetry's sampler does that asks the parent; but of an error there should be something to look at. */
	if (!failed && o->request.traced && !(o->request.parent[L7_PARENT_FLAGS] & 1))
		return;
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
	if (o->request.body)
		__sync_fetch_and_add(&counts->request_bytes, o->request.body);
	if (o->ended == L7_ENDED_BEFORE)
		return 0;
	__sync_fetch_and_add(&counts->slots[skep_latency_slot(duration) & (SKEP_LATENCY_SLOTS - 1)], 1);
	__sync_fetch_and_add(&counts->sum, duration);
	if (o->response_bytes)
		__sync_fetch_and_add(&counts->response_bytes, o->response_bytes);
	l7_maybe_span(work, counts, duration);
	return 0;
}

#endif /* SKEP_L7_COUNT_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * series.h: requests, errors, bytes and latency by service, role, peer, method, route and status, counted in the
 * kernel; and the few requests of which a span is sent.
 *
 * One series is 1.2 KiB, whatever the number of CPUs: counters are shared and added to atomically, since a histogram
 * for each CPU would take 64 times as much on 64 of them for what is one uncontended addition a request. 10,240 series
 * are 12 MiB, taken when the probe starts; what finds no room there is counted in l7_overflow.
 */
#ifndef SKEP_L7_SERIES_H
#define SKEP_L7_SERIES_H

#include "skep_latency.h"

enum http_role { HTTP_UNKNOWN, HTTP_SERVER, HTTP_CLIENT };
enum http_method {
	HTTP_OTHER,
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_CONNECT,
	HTTP_OPTIONS,
	HTTP_TRACE,
	HTTP_PATCH,
};
/* Why there was no response, or not all of it. */
enum http_error { HTTP_NO_ERROR, HTTP_RESET, HTTP_TIMEOUT, HTTP_CLOSED };

struct http_series {
	__u64 route SKEP_HELP("the route's number, or the fingerprint of a path that has none");
	__u64 peer SKEP_HELP("who is at the other end: a service of this machine, or the hash of an address");
	__u32 service SKEP_HELP("the service's number, or the process id and 2^31");
	__u16 port SKEP_HELP("the server's port");
	__u16 status SKEP_HELP("of the response, 0 if there was none");
	enum http_role role SKEP_HELP("which end of the connection the service is");
	enum http_method method SKEP_HELP("of the request");
	enum http_error error SKEP_HELP("why there was no response, or not all of it");
	__u32 pad SKEP_PRIVATE;
};

struct http_counts {
	__u32 slots[SKEP_LATENCY_SLOTS];
	__u64 sum;		/* ns */
	__u64 request_bytes;	/* of bodies */
	__u64 response_bytes;
	/* A span is due at these times, ns: of errors, of slow ones, of any. */
	__u64 due[3];
	/* What is usual, ns: moving mean and mean deviation. */
	__u64 usual;
	__u64 deviation;
	__u32 seen;
	__u32 pad;
};

SKEP_HASH(hist_http_requests, struct http_series, struct http_counts, 10240) SKEP_LATENCY SKEP_UNIT("ns")
	SKEP_HELP("Duration of HTTP requests.");
/* By role. */
SKEP_ARRAY(l7_overflow, struct http_counts, 4);
SKEP_ARRAY(l7_no_counts, struct http_counts, 1);

enum span_reason { SPAN_ERROR, SPAN_SLOW, SPAN_SAMPLE };

struct http_span {
	timestamp_ns start SKEP_HELP("when the request's first byte was seen");
	duration_ns duration SKEP_HELP("until the response's last byte was");
	__u64 route SKEP_HELP("the route's number, or the fingerprint of its path");
	__u64 path SKEP_HELP("the fingerprint of its path");
	__u64 peer SKEP_HELP("who is at the other end");
	bytes_t request_bytes SKEP_HELP("of the request's body");
	bytes_t response_bytes SKEP_HELP("of the response's body");
	__u32 pid SKEP_HELP("process id");
	__u32 service SKEP_HELP("the service's number, or the process id and 2^31");
	__u16 port SKEP_HELP("the server's port");
	__u16 status SKEP_HELP("of the response, 0 if there was none");
	enum http_role role SKEP_HELP("which end of the connection the process is");
	enum http_method method SKEP_HELP("of the request");
	enum http_error error SKEP_HELP("why there was no response, or not all of it");
	enum span_reason reason SKEP_HELP("why this request is shown");
	ip_addr local_address SKEP_HELP("this end's address");
	ip_addr peer_address SKEP_HELP("the other end's address");
	__u16 local_port SKEP_HELP("this end's port");
	__u16 peer_port SKEP_HELP("the other end's port");
	bool traced SKEP_HELP("whether the request carried a trace context");
	__u8 trace_flags SKEP_HELP("of that trace context");
	span_id_t parent_id SKEP_HELP("of that trace context: the caller's span");
	trace_id_t trace_id SKEP_HELP("of that trace context");
};

SKEP_RINGBUF(print_http_spans, struct http_span, 512 * 1024) SKEP_HELP("some requests: errors, slow ones, a sample");

SKEP_PARAM(duration_ns, error_gap, 1000000000, "a span of an error at most this often a series (0: none)");
SKEP_PARAM(duration_ns, slow_gap, 1000000000, "a span of a slow request at most this often a series (0: none)");
SKEP_PARAM(duration_ns, sample_gap, 10000000000, "a span of any request this often a series (0: none)");

/* What the agent changes while it runs. */
struct l7_control {
	__u64 span_gap;	/* ns between two spans of whatever series; 0: 5 ms, all ones: none */
	__u32 learned;	/* whether http1_learned holds anything */
	__u32 closed;	/* not all hooks are there yet: no connection is taken up */
	__u32 generation; /* of l7_services: what was looked up in another is looked up again */
	__u32 pad;
};
SKEP_ARRAY(l7_controls, struct l7_control, 1);

#define L7_SPAN_GAP 5000000ULL
/* How many may come at once. */
#define L7_SPAN_BURST 20
#define L7_SERIES_BURST 5

__u64 l7_span_due;
__u64 l7_spans_held; /* those that the limit for the whole machine held back */

static __always_inline bool l7_due(__u64 *due, __u64 now, __u64 gap, __u64 burst)
{
	__u64 at = *due > now ? *due : now;

	if (!gap || at - now > burst * gap)
		return false;
	*due = at + gap;
	return true;
}

static __always_inline bool l7_span_allowed(__u64 now)
{
	__u32 zero = 0;
	struct l7_control *control = bpf_map_lookup_elem(&l7_controls, &zero);
	__u64 gap = control && control->span_gap ? control->span_gap : L7_SPAN_GAP;

	if (gap != ~0ULL && l7_due(&l7_span_due, now, gap, L7_SPAN_BURST))
		return true;
	__sync_fetch_and_add(&l7_spans_held, 1);
	return false;
}

/* Is it slower than is usual for its series? After sixteen of them, four deviations and twice the mean. */
static __always_inline bool l7_slow(struct http_counts *counts, __u64 duration)
{
	__u64 usual = counts->usual, away = duration > usual ? duration - usual : usual - duration;
	bool is_slow = counts->seen >= 16 && duration > usual + 4 * counts->deviation && duration > 2 * usual;

	if (counts->seen < 16)
		counts->seen++;
	counts->usual = duration > usual ? usual + away / 8 : usual - away / 8;
	counts->deviation += (away >> 2) - (counts->deviation >> 2);
	return is_slow;
}

static __always_inline struct http_counts *l7_counts_of(struct http_series *key)
{
	__u32 zero = 0, role = key->role & 3;
	struct http_counts *counts = bpf_map_lookup_elem(&hist_http_requests, key), *none;

	if (counts)
		return counts;
	none = bpf_map_lookup_elem(&l7_no_counts, &zero);
	if (none)
		bpf_map_update_elem(&hist_http_requests, key, none, BPF_NOEXIST);
	counts = bpf_map_lookup_elem(&hist_http_requests, key);
	return counts ? counts : bpf_map_lookup_elem(&l7_overflow, &role);
}

#endif /* SKEP_L7_SERIES_H */

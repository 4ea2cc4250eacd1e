/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * routes.h: the routes of paths: the kernel knows a path by its fingerprint, and asks for its route by sending its text, once.
 */
#ifndef SKEP_L7_ROUTES_H
#define SKEP_L7_ROUTES_H

#include "loss.h"

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

#endif /* SKEP_L7_ROUTES_H */

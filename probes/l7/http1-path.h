/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * http1-path.h: the fingerprint of a path, from its segments; those that are parameters count as the same.
 */
#ifndef SKEP_L7_HTTP1_PATH_H
#define SKEP_L7_HTTP1_PATH_H

#include "http1-stream.h"

/*
 * Is this segment of a path a parameter rather than a name? Numbers, UUIDs, hashes, and long words of digits and letters
 * are: the same rule as in packages/agent/src/routes/segment.ts.
 */
static __always_inline bool http1_parameter(const struct http1_stream *s)
{
	__u8 has = s->segment_has, length = s->segment_length;

	if (has == HTTP1_HAS_DIGIT)
		return true;
	if (!(has & HTTP1_HAS_DIGIT))
		return false;
	if (!(has & HTTP1_HAS_OTHER)) {
		if (length == 36 && s->dashes == 4)
			return true;
		if (!(has & HTTP1_HAS_DASH) && length >= 16)
			return true;
	}
	return length >= 24;
}

/* Segments that the agent found to take ever new values, by the hash of the path before them. */
SKEP_HASH(http1_learned, __u64, __u8, 4096);

/* A segment ends: its hash, or that it is a parameter, goes into the path's. */
static __always_inline void http1_end_segment(struct http1_stream *s)
{
	__u64 word = s->word;
	__u64 path = s->path;

	if (s->segment_length) {
		if (http1_parameter(s) || ((s->flags & HTTP1_LEARNED) && bpf_map_lookup_elem(&http1_learned, &path)))
			word = HTTP1_PARAMETER;
	}
	path = (path ^ word) * HTTP1_PRIME;
	s->path = path ^ path >> 29;
	s->word = 0;
	s->segment_length = 0;
	s->segment_has = 0;
	s->dashes = 0;
}

/* A path's bytes up to the end of its segment, eight at most. */
static __always_inline __u32 http1_segment(struct http1_window *w, struct http1_stream *s, __u32 position)
{
	__u64 word = s->word;
	__u32 has = 0, dashes = 0, n = 0;

#pragma unroll
	for (int i = 0; i < 8; i++) {
		__u8 c = w->bytes[position + i];
		__u8 in_path = http1_kinds[c].in_path;

		/* Also what is behind the window's end. */
		if (in_path & (HTTP1_SLASH | HTTP1_END | HTTP1_CONTROL))
			break;
		has |= in_path;
		dashes += in_path >> 2 & 1;
		word = (word ^ c) * HTTP1_PRIME;
		n++;
	}
	s->word = word;
	s->segment_has |= has;
	s->dashes += dashes;
	s->segment_length = s->segment_length + n > 255 ? 255 : s->segment_length + n;
	return n;
}

#endif /* SKEP_L7_HTTP1_PATH_H */

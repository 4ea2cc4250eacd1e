/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * http1-fields.h: the lines of a header that matter (Content-Length, Transfer-Encoding, traceparent), and what their values
 * say; and what the size of a chunk does.
 */
#ifndef SKEP_L7_HTTP1_FIELDS_H
#define SKEP_L7_HTTP1_FIELDS_H

#include "http1-scan.h"

/*
 * 00-<32 digits>-<16 digits>-<2 digits> (W3C trace context, 3.2); the dashes are not kept. A version after 0 may have more
 * behind a further dash.
 */
#define HTTP1_PARENT_DIGITS 52
#define HTTP1_PARENT_MORE 254
#define HTTP1_PARENT_BAD 255

static __always_inline void http1_parent_byte(struct http1_stream *s, __u8 digit)
{
	__u64 at = s->parent_at, place = at >> 1 & 31;

	/* The first digit of a byte is in its upper half, with whatever was there before in the lower. */
	s->parent[place] = s->parent[place] << 4 | digit;
	s->parent_at = digit == HTTP1_NO_DIGIT || at >= HTTP1_PARENT_DIGITS ? HTTP1_PARENT_BAD : at + 1;
}

static __always_inline bool http1_has_parent(const struct http1_stream *s)
{
	__u8 at = s->parent_at;

	return (at == HTTP1_PARENT_DIGITS || at == HTTP1_PARENT_MORE) && s->parent[0] != 0xff;
}

/* Four bytes, written as eight digits. */
static __always_inline bool http1_parent_word(const struct http1_window *w, __u32 position, struct http1_stream *s, __u32 at)
{
	__u64 digits = http1_eight(w, position);

	if (!http1_hex(&digits))
		return false;
	digits = (digits << 4 | digits >> 8) & 0x00ff00ff00ff00ffULL;
	digits = (digits | digits >> 8) & 0x0000ffff0000ffffULL;
	*(__u32 *)&s->parent[at] = digits | digits >> 16;
	return true;
}

/* Characters of a traceparent of version 0, with the line end. */
#define HTTP1_PARENT_LINE 57

/* The whole of a traceparent as most are: 57 steps otherwise. False: it is written in another way, or is none. */
static __always_inline bool http1_parent(const struct http1_window *w, struct http1_stream *s, __u32 position)
{
	__u8 high = w->bytes[position + 53], low = w->bytes[position + 54];

	if ((http1_eight(w, position) & 0xffffff) != ('0' | '0' << 8 | '-' << 16) || w->bytes[position + 35] != '-' ||
	    w->bytes[position + 52] != '-' || high != '0' || (__u8)(low - '0') > 9 || !http1_is_crlf(w, position + 55))
		return false;
	s->parent[0] = 0;
	s->parent[25] = low - '0';
	return http1_parent_word(w, position + 3, s, 1) && http1_parent_word(w, position + 11, s, 5) &&
	       http1_parent_word(w, position + 19, s, 9) && http1_parent_word(w, position + 27, s, 13) &&
	       http1_parent_word(w, position + 36, s, 17) && http1_parent_word(w, position + 44, s, 21);
}

/* Bytes of a line that tell whether it is one that matters, with eight digits and a line end behind its name. */
#define HTTP1_TELLING 32

/*
 * At the beginning of a line of a header, with HTTP1_TELLING bytes of it or more in the window: is it one of the three that
 * matter, told by its first eight bytes and those behind them? Sets the state; how many bytes that took.
 */
static __always_inline __u32 http1_name(struct http1_window *w, struct http1_stream *s, __u32 position)
{
	__u64 first = http1_eight(w, position), then = http1_eight(w, position + 8);

	s->at = 0;
	s->state = HTTP1_SKIP;
	if ((first | HTTP1_LOW7) == HTTP1_EIGHT('c', 'o', 'n', 't', 'e', 'n', 't', '-')) {
		if (((then | 0x202020202020ULL) << 8) == HTTP1_EIGHT(0, 'l', 'e', 'n', 'g', 't', 'h', ':')) {
			s->state = HTTP1_LENGTH;
			s->remain = 0;
			return 15 + (then >> 56 == ' ');
		}
		return 0;
	}
	if ((first | HTTP1_LOW8) == HTTP1_EIGHT('t', 'r', 'a', 'n', 's', 'f', 'e', 'r')) {
		if ((then | HTTP1_LOW8 << 8) == HTTP1_EIGHT('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n') &&
		    ((http1_eight(w, position + 16) | 0x20) & 0xffff) == ('g' | ':' << 8)) {
			s->state = HTTP1_CODING;
			return 18;
		}
		return 0;
	}
	if ((first | HTTP1_LOW8) == HTTP1_EIGHT('t', 'r', 'a', 'c', 'e', 'p', 'a', 'r')) {
		if (((then | 0x202020) & 0xffffffff) == HTTP1_EIGHT('e', 'n', 't', ':', 0, 0, 0, 0)) {
			s->state = HTTP1_PARENT;
			return 12;
		}
		return 0;
	}
	return 0;
}

/* Digits of Content-Length, eight at most. */
static __always_inline __u32 http1_digits(const struct http1_window *w, struct http1_stream *s, __u32 position)
{
	__u64 value = s->remain;
	__u32 n = 0;

#pragma unroll
	for (int i = 0; i < 8; i++) {
		__u8 digit = w->bytes[position + i] - '0';

		/* Also what is behind the window's end. */
		if (digit > 9)
			break;
		value = value * 10 + digit;
		n++;
	}
	s->remain = value;
	return n;
}

static __always_inline void http1_end_size(struct http1_stream *s)
{
	if (!s->at) {
		s->state = HTTP1_BAD;
	} else if (s->remain) {
		s->body += s->remain;
		s->remain += 2;
		s->state = HTTP1_CHUNK;
	} else {
		s->state = HTTP1_TRAILER;
	}
}

#endif /* SKEP_L7_HTTP1_FIELDS_H */

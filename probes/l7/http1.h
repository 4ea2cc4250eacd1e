/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * http1.h: HTTP/1.0 and 1.1 (RFC 9112), one byte after another.
 *
 * All that is known of a direction of a connection is in a struct http1_stream, so a message may be cut into calls at
 * any byte. Of a message are read: the request line or status line, Content-Length, Transfer-Encoding, traceparent, and
 * the sizes of chunks. Bodies are stepped over by their length, unread.
 */
#ifndef SKEP_L7_HTTP1_H
#define SKEP_L7_HTTP1_H

#include "http1-words.h"

enum http1_state {
	HTTP1_START,	/* before a message */
	HTTP1_TOKEN,	/* in the method, or in "HTTP" */
	HTTP1_TARGET,	/* in the path */
	HTTP1_QUERY,	/* behind the path: not looked at */
	HTTP1_VERSION,	/* in "HTTP/1.x" of a request */
	HTTP1_REPLY,	/* in "/1.x 200" of a response */
	HTTP1_LINE,	/* at the beginning of a line of the header */
	HTTP1_NAME,	/* in a name that may be one of ours */
	HTTP1_LENGTH,	/* in the value of Content-Length */
	HTTP1_CODING,	/* in that of Transfer-Encoding */
	HTTP1_PARENT,	/* in that of traceparent */
	HTTP1_SKIP,	/* in the rest of a line of the header */
	HTTP1_BODY,	/* `remain` bytes */
	HTTP1_CLOSE,	/* a body that ends with the connection */
	HTTP1_SIZE,	/* in the size of a chunk */
	HTTP1_EXTENSION, /* behind it */
	HTTP1_CHUNK,	/* `remain` bytes: data and the line end behind it */
	HTTP1_TRAILER,	/* at the beginning of a line behind the last chunk */
	HTTP1_TRAILING,	/* in such a line */
	HTTP1_DONE,	/* a message has ended; the caller starts the next */
	HTTP1_HEADERS,	/* its header has; the caller says what body follows */
	HTTP1_BAD,	/* this is no HTTP/1 */
};

#define HTTP1_IS_RESPONSE 0x01
#define HTTP1_HAS_LENGTH 0x02
#define HTTP1_CHUNKED 0x04
#define HTTP1_HAS_PARENT 0x08
#define HTTP1_CUT 0x20		/* its path began in an earlier window: l7_cuts has that part */
#define HTTP1_LEARNED 0x10	/* some segments of paths are known to be parameters, see http1_learned */

struct http1_stream {
	__u8 state;
	__u8 flags;
	__u8 at;		/* place within a word that is compared */
	__u8 candidates;	/* which names it may still be */
	__u8 method;
	__u8 segment_length;	/* of the path's current segment, at most 255 */
	__u8 segment_has;	/* HTTP1_HAS_* */
	__u8 dashes;
	__u16 status;
	__u16 pad;
	__u32 header;		/* bytes of the header so far */
	__u64 remain;
	__u64 body;		/* bytes of the body so far, without the frames of chunks */
	__u64 started;		/* when its first byte was seen, ns */
	__u64 word;		/* the method's letters; the hash of the path's current segment */
	__u64 path;		/* hash of the path's segments so far: the fingerprint */
	__u8 parent[32];	/* of traceparent: version, trace id (16), span id (8), flags */
	__u8 parent_at;		/* digits of it so far */
	__u8 pad2[7];
};

/* A header longer than this is given up: servers refuse 8 to 64 KiB. */
#define HTTP1_MAX_HEADER (256 * 1024)

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

/* A new message begins. */
static __always_inline void http1_start(struct http1_stream *s)
{
	s->state = HTTP1_START;
	s->flags &= HTTP1_LEARNED;
	s->at = 0;
	s->method = HTTP1_OTHER;
	s->status = 0;
	s->header = 0;
	s->remain = 0;
	s->body = 0;
	s->word = 0;
	s->segment_length = 0;
	s->segment_has = 0;
	s->dashes = 0;
	s->parent_at = 0;
}

/* 00-<32 digits>-<16 digits>-<2 digits> (W3C trace context, 3.2); the dashes are not kept. */
#define HTTP1_PARENT_DIGITS 52

static __always_inline void http1_parent_byte(struct http1_stream *s, __u8 digit)
{
	__u64 at = s->parent_at, place = at >> 1 & 31;

	/* The first digit of a byte is in its upper half, with whatever was there before in the lower. */
	s->parent[place] = s->parent[place] << 4 | digit;
	s->parent_at = digit == HTTP1_NO_DIGIT || at >= HTTP1_PARENT_DIGITS ? 255 : at + 1;
}

/* What is parsed: a window into a message, and a copy of the state of the direction that it moves in. */
#define HTTP1_WINDOW 512
/* Bytes of a line that one step looks at, at most. They may lie behind the window's end. */
#define HTTP1_AHEAD 64
/*
 * Where in the window, whichever way the parser came there: to the verifier all ways are the same then, and it goes on from
 * the first only. So there is room for as many bytes, and for what is looked at from the last of them.
 */
#define HTTP1_PLACES (2 * HTTP1_WINDOW)
#define HTTP1_PLACE(position) ((position) & (HTTP1_PLACES - 1))
/* So many bytes behind a window's end are zero: no word or number goes on in them. */
#define HTTP1_ZEROES 32

struct http1_window {
	struct http1_stream stream;
	__u64 now;	/* when the hook ran, ns */
	__u64 seed;	/* what a path's hash begins with */
	__u32 position;	/* the next byte */
	__u32 length;	/* of the window */
	__u32 path_from; /* where the path begins and ends in it; equal when it does not lie whole within */
	__u32 path_to;
	__u8 bytes[HTTP1_PLACES + HTTP1_AHEAD];
};

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

/*
 * Eight bytes of the window, as a number. By way of a pointer that hides that they are bytes, or the compiler reads them one
 * by one: maps may be read at any place.
 */
static __always_inline __u64 http1_eight(const struct http1_window *w, __u32 position)
{
	const __u64 *eight = (const __u64 *)&w->bytes[position];

	return *eight;
}

#define HTTP1_ONES 0x0101010101010101ULL

/* The highest bit of each of eight bytes that is `c`; above the first of them also of others. */
static __always_inline __u64 http1_is(__u64 word, __u8 c)
{
	__u64 x = word ^ c * HTTP1_ONES;

	return (x - HTTP1_ONES) & ~x & HTTP1_ONES << 7;
}

/* The same of bytes that end a query: blanks, control characters. */
static __always_inline __u64 http1_is_end(__u64 word)
{
	return ((word - 0x21 * HTTP1_ONES) & ~word & HTTP1_ONES << 7) | http1_is(word, 0x7f);
}

/* Which of eight bytes is the first; 8: none. Of the bytes below the lowest bit each contributes one. */
static __always_inline __u32 http1_first(__u64 found)
{
	return found ? (((((found & -found) - 1) >> 7 & HTTP1_ONES) * HTTP1_ONES) >> 56) & 7 : 8;
}

/*
 * Bytes before the next line feed, or with `query` before the end of a query; `most`: it is none of so many. May be behind
 * the window's end.
 */
static __always_inline __u32 http1_ahead(const struct http1_window *w, __u32 position, __u32 most, bool query)
{
	__u32 at = 0, here = 8;

#pragma unroll
	for (__u32 i = 0; i < most / 8; i++) {
		__u64 word = http1_eight(w, position + at);

		here = http1_first(query ? http1_is_end(word) : http1_is(word, '\n'));
		if (here < 8)
			break;
		at += 8;
	}
	return here < 8 ? at + here : at;
}

/*
 * The size of a chunk as most are written: one to six digits and a line end, among the next eight bytes. How many bytes that
 * are; 0: it is written in another way. A chunk of some bytes would take as many steps for its size as a header's line.
 */
static __always_inline __u32 http1_size(const struct http1_window *w, __u32 position, __u32 *size)
{
	__u64 word = http1_eight(w, position), letters, digits, nibbles;
	__u32 n = http1_first(http1_is(word, '\r')) & 7;

	if (!n || n > 6 || (__u8)(word >> (n + 1) * 8) != '\n')
		return 0;
	/* The digits at the end of a number of eight. */
	digits = word << (8 - n) * 8 | 0x30 * HTTP1_ONES >> n * 8;
	letters = digits >> 6 & HTTP1_ONES;
	nibbles = (digits & 0x0f * HTTP1_ONES) + letters * 9;
	/* 0 to 9 lie from 0x30 on, A to F and a to f behind 0x40 and 0x60. */
	if (((digits | letters << 5) & 0xf0 * HTTP1_ONES) != 0x30 * HTTP1_ONES + letters * 0x30 ||
	    ((nibbles + 6 * HTTP1_ONES) & 0x10 * HTTP1_ONES) != letters << 4 || nibbles & 0xf0 * HTTP1_ONES)
		return 0;
	nibbles = (nibbles << 4 | nibbles >> 8) & 0x00ff00ff00ff00ffULL;
	nibbles = (nibbles << 8 | nibbles >> 16) & 0x0000ffff0000ffffULL;
	*size = nibbles << 16 | nibbles >> 32;
	return n + 2;
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

/* " 200 " behind the version, and the like: the status, or 0 when it is written in another way. */
static __always_inline __u16 http1_status(__u64 word)
{
	__u8 blank = word, a = (word >> 8) - '0', b = (word >> 16) - '0', c = (word >> 24) - '0', end = word >> 32;

	if (blank != ' ' || a > 9 || b > 9 || c > 9 || (end != ' ' && end != '\r' && end != '\n'))
		return 0;
	return a * 100 + b * 10 + c;
}

#define HTTP1_CRLF ('\r' | '\n' << 8)

static __always_inline bool http1_is_crlf(const struct http1_window *w, __u32 position)
{
	return (http1_eight(w, position) & 0xffff) == HTTP1_CRLF;
}

/*
 * One step in one state, from one byte on: how many bytes it took. What most messages look like goes on into the next state
 * at once, since coming to a state costs more than most of them do.
 */
static __always_inline __u32 http1_byte(struct http1_window *w, struct http1_stream *s, __u8 state, __u32 from)
{
	__u32 position = from, step, left = w->length - position;
	__u8 c = w->bytes[position], at = s->at, kind;
	__u64 word;

	/* Most steps are of these two. */
	if (state == HTTP1_LINE)
		goto line;
	if (state == HTTP1_SKIP)
		goto skip;
	switch (state) {
	case HTTP1_START:
		if (c == '\r' || c == '\n')
			return 1;
		s->started = w->now;
		s->state = HTTP1_TOKEN;
		/* What most messages begin with, in one step. */
		if (left <= 17)
			return 0;
		word = http1_eight(w, position);
		if (word == HTTP1_EIGHT_VERSION) {
			s->flags |= HTTP1_IS_RESPONSE;
			s->status = http1_status(http1_eight(w, position + 8));
			s->at = 3;
			s->state = s->status ? HTTP1_SKIP : HTTP1_REPLY;
			if (!s->status)
				return 8;
			if ((http1_eight(w, position + 12) & 0xffffffffffULL) != HTTP1_EIGHT_OK)
				return 12;
			s->state = HTTP1_LINE;
			return 17;
		}
		if ((word & 0xffffffff) == HTTP1_EIGHT_GET)
			step = 4, s->method = HTTP1_GET;
		else if ((word & 0xffffffffffULL) == HTTP1_EIGHT_POST)
			step = 5, s->method = HTTP1_POST;
		else
			return 0;
		s->path = w->seed;
		s->state = HTTP1_TARGET;
		w->path_from = w->path_to = position + step;
		return step;
	case HTTP1_TOKEN:
		s->at = at + 1;
		if ((__u8)(c - 'A') <= 25 || c == '-') {
			s->word = at < 7 ? s->word | (__u64)c << (at & 7) * 8 : 1;
			if (at < 20)
				return 1;
		} else if (c == ' ' && at) {
			s->method = http1_method_of(s->word);
			s->word = 0;
			s->path = w->seed;
			s->state = HTTP1_TARGET;
			w->path_from = w->path_to = position + 1;
			return 1;
		} else if (c == '/' && s->word == HTTP1_LETTERS('H', 'T', 'T', 'P', 0, 0, 0)) {
			s->flags |= HTTP1_IS_RESPONSE;
			s->at = 0;
			s->state = HTTP1_REPLY;
			return 1;
		}
		break;
	case HTTP1_TARGET:
		kind = http1_kinds[c].in_path;
		if (kind & (HTTP1_SLASH | HTTP1_END)) {
			http1_end_segment(s);
			if (!(kind & HTTP1_END))
				return 1 + http1_segment(w, s, position + 1);
			w->path_to = position;
			s->at = 0;
			s->state = c == ' ' ? HTTP1_VERSION : HTTP1_QUERY;
			return 1;
		}
		if (kind == HTTP1_CONTROL)
			break;
		return http1_segment(w, s, position);
	case HTTP1_QUERY:
		if (c == ' ')
			s->state = HTTP1_VERSION;
		else if (http1_kinds[c].in_path == HTTP1_CONTROL)
			break;
		else
			/* What is behind the window's end is zero, and so ends it. */
			return http1_ahead(w, position, HTTP1_ZEROES, true);
		return 1;
	case HTTP1_VERSION:
		if (!at && left > 10 && http1_eight(w, position) == HTTP1_EIGHT_VERSION) {
			s->at = 8;
			if (!http1_is_crlf(w, position + 8))
				return 8;
			position = HTTP1_PLACE(position + 10);
			left -= 10;
			c = w->bytes[position];
			goto line;
		}
		s->at = at + 1;
		if (at < 8 ? http1_pattern(HTTP1_WORD_VERSION, c, at) : at == 8 && c == '\r')
			return 1;
		if (c != '\n' || at < 8)
			break;
		s->state = HTTP1_LINE;
		return 1;
	case HTTP1_REPLY:
		s->at = at + 1;
		if (at < 7) {
			if (!http1_pattern(HTTP1_WORD_REPLY, c, at))
				break;
			s->status = at < 4 ? 0 : s->status * 10 + http1_kinds[c].digit;
			return 1;
		}
		if (c != '\n' && c != ' ' && c != '\r')
			break;
		s->state = c == '\n' ? HTTP1_LINE : HTTP1_SKIP;
		return 1;
	case HTTP1_LINE:
	line:
		s->state = HTTP1_LINE;
		if (c == '\n' || c == '\r') {
			if (c == '\r' && w->bytes[position + 1] != '\n')
				return position - from + 1;
			s->state = HTTP1_HEADERS;
			return position - from + (c == '\r' ? 2 : 1);
		}
		if ((c | 0x20) == 'c' || (c | 0x20) == 't') {
			if (left < HTTP1_TELLING) {
				s->at = 1;
				s->candidates = (c | 0x20) == 'c' ? 1 : 6;
				s->state = HTTP1_NAME;
				return position - from + 1;
			}
			step = http1_name(w, s, position);
			if (s->state == HTTP1_LENGTH) {
				position = HTTP1_PLACE(position + step);
				c = w->bytes[position];
				goto length;
			}
			if (s->state != HTTP1_SKIP)
				return position - from + step;
		}
		goto skip;
	case HTTP1_NAME: {
		__u8 low = http1_lower(c);

		s->at = at + 1;
		if (c == ':') {
			__u32 ended = (__u32)s->candidates << 8 | at;

			s->at = 0;
			/* Said twice, it is said again, not on. */
			if (ended == (1 << 8 | 14))
				s->remain = 0;
			s->state = ended == (1 << 8 | 14) ? HTTP1_LENGTH
				 : ended == (2 << 8 | 17) ? HTTP1_CODING
				 : ended == (4 << 8 | 11) ? HTTP1_PARENT
							  : HTTP1_SKIP;
			return 1;
		}
		at &= 31;
		s->candidates &= (low == (__u8)http1_words[HTTP1_WORD_LENGTH + at]) |
				 (low == (__u8)http1_words[HTTP1_WORD_CODING + at]) << 1 |
				 (low == (__u8)http1_words[HTTP1_WORD_PARENT + at]) << 2;
		if (!s->candidates)
			s->state = c == '\n' ? HTTP1_LINE : HTTP1_SKIP;
		return 1;
	}
	case HTTP1_LENGTH:
	length:
		step = http1_digits(w, s, position);
		if (step) {
			s->flags |= HTTP1_HAS_LENGTH;
			position = HTTP1_PLACE(position + step);
			if (!http1_is_crlf(w, position))
				return position - from;
			s->state = HTTP1_LINE;
			return position - from + 2;
		}
		if (c == '\r' && w->bytes[position + 1] == '\n') {
			s->state = HTTP1_LINE;
			return position - from + 2;
		}
		if (c != ' ' && c != '\t')
			s->state = c == '\n' ? HTTP1_LINE : HTTP1_SKIP;
		return position - from + 1;
	case HTTP1_CODING:
		if (c == '\n') {
			s->state = HTTP1_LINE;
			s->flags |= at == 7 ? HTTP1_CHUNKED : 0;
		} else if (c != ' ' && c != '\t' && c != '\r') {
			s->at = c == ',' ? 0 : http1_letter(HTTP1_WORD_CHUNKED, http1_lower(c), at) ? at + 1 : 31;
		}
		return 1;
	case HTTP1_PARENT:
		if (c == '\n') {
			s->state = HTTP1_LINE;
			s->flags |= s->parent_at == HTTP1_PARENT_DIGITS && s->parent[0] != 0xff ? HTTP1_HAS_PARENT : 0;
		} else if (c != ' ' && c != '\r' && c != '-') {
			http1_parent_byte(s, http1_kinds[c].digit);
		}
		return 1;
	case HTTP1_SKIP:
	skip:
		s->state = HTTP1_SKIP;
		step = http1_ahead(w, position, HTTP1_AHEAD, false);
		/* What is found behind the window's end is an earlier window's. */
		if (step >= left)
			return position - from + left;
		position = HTTP1_PLACE(position + step);
		if (step == HTTP1_AHEAD)
			return position - from;
		position = HTTP1_PLACE(position + 1);
		s->state = HTTP1_LINE;
		if (left - step < 3 || !http1_is_crlf(w, position))
			return position - from;
		s->state = HTTP1_HEADERS;
		return position - from + 2;
	case HTTP1_SIZE:
		if (!at) {
			__u32 size;

			step = http1_size(w, position, &size);
			if (step) {
				s->remain = size;
				s->at = 1;
				http1_end_size(s);
				/* With the chunk, when all of it is here. */
				if (s->state == HTTP1_CHUNK && s->remain <= left - step) {
					step += s->remain;
					s->remain = 0;
					s->at = 0;
					s->state = HTTP1_SIZE;
				}
				return step;
			}
		}
		kind = http1_kinds[c].digit;
		s->at = 1;
		if (kind != HTTP1_NO_DIGIT && !(s->remain >> 48)) {
			s->remain = s->remain << 4 | kind;
			return 1;
		}
		s->at = at;
		if (c != '\r' && c != '\n' && c != ';' && c != ' ')
			break;
		s->state = HTTP1_EXTENSION;
		return c == '\n' ? 0 : 1;
	case HTTP1_EXTENSION:
		if (c == '\n')
			http1_end_size(s);
		return 1;
	case HTTP1_CHUNK:
		if (s->remain > left) {
			s->remain -= left;
			return left;
		}
		step = s->remain;
		s->remain = 0;
		s->at = 0;
		s->state = HTTP1_SIZE;
		return step;
	case HTTP1_TRAILER:
		if (c != '\r')
			s->state = c == '\n' ? HTTP1_DONE : HTTP1_TRAILING;
		return 1;
	case HTTP1_TRAILING:
		if (c == '\n')
			s->state = HTTP1_TRAILER;
		return 1;
	}
	s->state = HTTP1_BAD;
	return 1;
}

#endif /* SKEP_L7_HTTP1_H */

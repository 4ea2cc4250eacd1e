/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * http1.h: HTTP/1.0 and 1.1 (RFC 9112), one byte after another.
 *
 * All that is known of a direction of a connection is in a struct http1_stream, so a message may be cut into calls at
 * any byte. Of a message are read: the request line or status line, Content-Length, Transfer-Encoding, traceparent, and
 * the sizes of chunks. Bodies are stepped over by their length, unread. Here is the step from state to state; what it is
 * made of lies in
 *
 *   http1-words.h    what bytes and words look like
 *   http1-stream.h   what is known of a direction, and the window into its bytes
 *   http1-scan.h     what lies ahead in the window
 *   http1-path.h     a path's fingerprint
 *   http1-fields.h   the lines of a header that matter
 */
#ifndef SKEP_L7_HTTP1_H
#define SKEP_L7_HTTP1_H

#include "http1-path.h"
#include "http1-fields.h"

/* Bytes of the word that a PROXY header's frame begins with, behind its two line ends. */
#define HTTP1_FRAME_WORD 8

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
		/* A method is any token (RFC 9110, 9.1): fetch() sends "patch" as it is. */
		if ((__u8)(c - 'A') <= 25 || c == '-' || (!(s->flags & HTTP1_ANSWERS) && http1_in_token(c))) {
			s->word = at < 7 ? s->word | (__u64)c << (at & 7) * 8 : 1;
			if (at < 20)
				return 1;
		} else if (c == ' ' && s->word == HTTP1_LETTERS('P', 'R', 'O', 'X', 'Y', 0, 0)) {
			s->state = HTTP1_PROXY;
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
		} else if (!c && !at) {
			s->state = HTTP1_FRAME;
			return 1;
		}
		break;
	/*
	 * What a proxy says of its client before the first message (haproxy's doc/proxy-protocol.txt): a line, or since version 2
	 * a frame, which begins with two line ends that have been stepped over.
	 */
	case HTTP1_FRAME:
		s->at = at + 1;
		if (at < HTTP1_FRAME_WORD && c != http1_words[HTTP1_WORD_FRAME + (at & 31)])
			break;
		/* Behind it: version and command, family, length. */
		s->remain = at < HTTP1_FRAME_WORD + 2 ? 0 : s->remain << 8 | c;
		if (at == HTTP1_FRAME_WORD + 3) {
			s->state = HTTP1_PROXY;
			if (!s->remain)
				http1_start(s);
		}
		return 1;
	case HTTP1_PROXY:
		if (!s->remain) {
			if (c == '\n')
				http1_start(s);
			return 1;
		}
		step = s->remain < left ? s->remain : left;
		s->remain -= step;
		if (!s->remain)
			http1_start(s);
		return step;
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
		if (at >= 8) {
			/* Behind it some say more: HTTP/1.0.8 */
			if (c == '\n')
				s->state = HTTP1_LINE;
			return 1;
		}
		if (http1_pattern(HTTP1_WORD_VERSION, c, at)) {
			s->at = at + 1;
			return 1;
		}
		/* A target that has blanks, as some programs send: the version is behind the last. */
		s->at = 0;
		s->state = HTTP1_QUERY;
		return 0;
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
		if (!s->parent_at && left >= HTTP1_PARENT_LINE && http1_parent(w, s, position)) {
			s->parent_at = HTTP1_PARENT_DIGITS;
			s->flags |= HTTP1_HAS_PARENT;
			s->state = HTTP1_LINE;
			return HTTP1_PARENT_LINE;
		}
		if (c == '\n') {
			s->state = HTTP1_LINE;
			s->flags |= http1_has_parent(s) ? HTTP1_HAS_PARENT : 0;
		} else if (c == '-') {
			if (s->parent_at == HTTP1_PARENT_DIGITS)
				s->parent_at = s->parent[0] ? HTTP1_PARENT_MORE : HTTP1_PARENT_BAD;
		} else if (c != ' ' && c != '\r' && s->parent_at != HTTP1_PARENT_MORE) {
			/* In small letters only. */
			http1_parent_byte(s, c & 0x20 ? http1_kinds[c].digit : HTTP1_NO_DIGIT);
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

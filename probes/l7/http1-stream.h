/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * http1-stream.h: what is known of one direction of a connection between two calls, and the window through which its next
 * bytes are looked at.
 */
#ifndef SKEP_L7_HTTP1_STREAM_H
#define SKEP_L7_HTTP1_STREAM_H

#include "http1-words.h"

enum http1_state {
	HTTP1_START,	/* before a message */
	HTTP1_FRAME,	/* in the first bytes of a PROXY header's frame */
	HTTP1_PROXY,	/* in the rest of it: `remain` bytes; or, with none, in the line of one */
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
#define HTTP1_ANSWERS 0x40	/* of the direction of responses, once that is known: what has no letters of theirs is none */
#define HTTP1_BROKEN 0x80	/* a response that goes on as none, see l7_headless() */
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

/* A new message begins. One copy: it is begun in many places. */
static __noinline int http1_start(struct http1_stream *s)
{
	s->state = HTTP1_START;
	s->flags &= HTTP1_LEARNED | HTTP1_ANSWERS;
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
	return 0;
}

/* Bytes of the body that have come. Of a chunk its line end remains as well. */
static __always_inline __u64 http1_body_so_far(const struct http1_stream *s)
{
	__u64 frame = s->state == HTTP1_CHUNK ? 2 : 0;

	if ((s->state != HTTP1_BODY && s->state != HTTP1_CHUNK) || s->remain < frame)
		return s->body;
	return s->body - (s->remain - frame);
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

#endif /* SKEP_L7_HTTP1_STREAM_H */

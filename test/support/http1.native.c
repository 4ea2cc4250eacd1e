// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The parser of probes/l7, compiled for this processor: what it makes of a message may not depend on where the message is
 * cut. Bytes that come one at a time take no short cut, so they say what is right.
 *
 *     http1.native SEED COUNT
 *     http1.native parent VALUE...
 *
 * Makes COUNT streams of messages, right ones and damaged ones, parses each byte by byte and in random pieces, and says how
 * many messages, bad ends and headers there were; ends with 1, showing the stream, where two ways differ. With `parent`: for
 * each value of a traceparent 1 or 0, whether it is one.
 */
#define _GNU_SOURCE
#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#undef __noinline
#define __noinline __attribute__((noinline))
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define SKEP_HASH(...)
static void *bpf_map_lookup_elem(void *map, const void *key)
{
	(void)map;
	(void)key;
	return 0;
}
static int http1_learned;

#include "../../probes/l7/http1.h"

#define MOST 4096
#define SEED 7

struct seen {
	unsigned messages, headers, bad, parents;
	__u64 trace; /* a hash of all that was found, in order */
};

/* A hash of the whole of it. */
static __u64 parent_of(const struct http1_stream *s)
{
	__u64 hash = SEED;

	for (int i = 0; i < HTTP1_PARENT_DIGITS / 2; i++)
		hash = (hash ^ s->parent[i]) * HTTP1_PRIME;
	return hash;
}

static void note(struct seen *seen, const struct http1_stream *s)
{
	const __u64 all[] = { s->state, s->flags & ~HTTP1_CUT, s->method, s->status, s->remain, s->body,
			      s->flags & HTTP1_IS_RESPONSE ? 0 : s->path, s->flags & HTTP1_HAS_PARENT ? parent_of(s) : 0 };

	for (unsigned i = 0; i < sizeof(all) / sizeof(*all); i++)
		seen->trace = (seen->trace ^ all[i]) * 0xff51afd7ed558ccdULL ^ seen->trace >> 29;
}

/* As steps.h and work.h go along, without what they do with it. */
static void parse(const char *bytes, unsigned length, unsigned piece, struct seen *seen)
{
	static struct http1_window w;
	unsigned at = 0;

	memset(&w, 0, sizeof(w));
	memset(seen, 0, sizeof(*seen));
	http1_start(&w.stream);
	w.seed = SEED;
	while (at < length) {
		struct http1_stream *s = &w.stream;
		unsigned size = piece ? piece : 1 + rand() % (rand() % 8 ? 24 : HTTP1_WINDOW);

		if (size > length - at)
			size = length - at;
		/* What was there before stays behind the zeros. */
		memcpy(w.bytes, bytes + at, size);
		memset(w.bytes + size, 0, HTTP1_ZEROES);
		w.length = size;
		w.position = 0;
		while (w.position < w.length) {
			unsigned left = w.length - w.position, before = w.position;

			if (s->state == HTTP1_BODY || s->state == HTTP1_CHUNK) {
				unsigned take = s->remain < left ? s->remain : left;

				w.position += take;
				s->remain -= take;
				if (!s->remain) {
					s->at = 0;
					s->state = s->state == HTTP1_BODY ? HTTP1_DONE : HTTP1_SIZE;
				}
			} else {
				w.position += http1_byte(&w, s, s->state, w.position);
			}
			if (w.position > w.length) {
				printf("went past the end: from %u to %u of %u\n", before, w.position, w.length);
				exit(1);
			}
			if (s->state == HTTP1_HEADERS) {
				seen->headers++;
				seen->parents += s->flags & HTTP1_HAS_PARENT ? 1 : 0;
				note(seen, s);
				if (s->flags & HTTP1_CHUNKED) {
					s->remain = s->at = 0;
					s->state = HTTP1_SIZE;
				} else if (s->flags & HTTP1_HAS_LENGTH && s->remain) {
					s->body = s->remain;
					s->state = HTTP1_BODY;
				} else {
					s->state = HTTP1_DONE;
				}
			}
			if (s->state == HTTP1_BAD) {
				seen->bad++;
				note(seen, s);
				return;
			}
			if (s->state == HTTP1_DONE) {
				seen->messages++;
				note(seen, s);
				http1_start(s);
			}
		}
		at += size;
	}
	note(seen, &w.stream);
}

static const char *any(const char *const *words, unsigned count)
{
	return words[rand() % count];
}
#define ANY(words) any(words, sizeof(words) / sizeof(*words))
/* The first of them is the usual one. */
#define MOSTLY(words) (rand() % 12 ? words[0] : ANY(words))

static const char *const methods[] = { "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "M-SEARCH", "G", "GETS", "get" };
static const char *const segments[] = { "", "users", "42", "a", "0123456789abcdef0123", "x-y-z", "%41%20", "12345678", "longer-than-eight" };
static const char *const queries[] = { "", "?", "?a=1", "?q=%20x/y?z&w=#t", "?a=b\x7f", "?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1", "#x", "?\xc3\xa9=\xff" };
static const char *const versions[] = { " HTTP/1.1", " HTTP/1.0", " HTTP/1.12", " HTTP/2.0", " http/1.1", "", " HTTP/1.1 " };
static const char *const statuses[] = { "HTTP/1.1 200 OK", "HTTP/1.0 404 Not Found", "HTTP/1.1 204", "HTTP/1.1 503 ", "HTTP/1.1  200", "HTTP/1.1 20", "HTTP/1.1 2000" };
static const char *const ends[] = { "\r\n", "\n", "\r\r\n", "\r" };
static const char *const fields[] = {
	"Host: here", "Content-Length: 5", "content-length:5", "CONTENT-LENGTH:   12  ", "Content-Length: 0", "Content-Length: 1a",
	"Content-Length: 00000000000003", "Content-Length:", "Content-Lengths: 9", "Content-Type: text/plain", "Transfer-Encoding: chunked",
	"transfer-encoding: gzip, Chunked", "Transfer-Encoding: chunked, gzip", "Transfer: x", "Trailer: t", "T", "C", "c:", "tt: \t",
	"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Traceparent: 00-0af7", "traceparent: 00-ffffffffffffffffffffffffffffffff-0123456789abcdef-0a", "traceparent:00-0123456789abcdef0123456789abcdef-fedcba9876543210-09", "traceparent: 00-0123456789abcdeg0123456789abcdef-fedcba9876543210-00", "traceparent: 01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more: of it", "X-Long: vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv",
};
static const char *const bodies[] = { "", "hello", "GET / HTTP/1.1\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "a;x=y\r\n0123456789\r\n0\r\nT: x\r\n\r\n", "0\r\n\r\n", "ffffffffffffffff\r\n", "1F\r\n0123456789abcdef0123456789abcde\r\n3\r\nxyz\r\n000000\r\n\r\n", "g\r\n", "0x1\r\n", "00000001\r\nx\r\n0\r\n\r\n" };

static const char frame[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" "\xc0\0\x02\x01\xc6\x33\x64\x07\x9c\x40\0\x50";
static const char *const lines[] = { "PROXY TCP4 192.0.2.1 198.51.100.7 40000 80\r\n", "PROXY UNKNOWN\r\n", "PROXY \n", "PROXY", "PROX " };

static unsigned make(char *to)
{
	char *at = to;

	switch (rand() % 16) {
	case 0: at += sprintf(at, "%s", ANY(lines)); break;
	case 1: at = mempcpy(at, frame, sizeof(frame) - 1); break;
	case 2: at = mempcpy(at, frame, rand() % sizeof(frame)); break;
	}

	for (int messages = 1 + rand() % 3; messages; messages--) {
		if (rand() % 2) {
			at += sprintf(at, "%s ", ANY(methods));
			for (int i = rand() % 4; i >= 0; i--)
				at += sprintf(at, "/%s", ANY(segments));
			at += sprintf(at, "%s%s%s", ANY(queries), MOSTLY(versions), MOSTLY(ends));
		} else {
			at += sprintf(at, "%s%s", ANY(statuses), MOSTLY(ends));
		}
		for (int i = rand() % 5; i; i--)
			at += sprintf(at, "%s%s", ANY(fields), MOSTLY(ends));
		at += sprintf(at, "%s%s", MOSTLY(ends), rand() % 2 ? "" : ANY(bodies));
	}
	if (rand() % 6 == 0)
		to[rand() % (at - to)] = rand();
	return at - to;
}

static int parents(char **values)
{
	static char stream[MOST];
	struct seen seen;

	for (; *values; values++) {
		parse(stream, snprintf(stream, MOST, "GET / HTTP/1.1\r\ntraceparent: %s\r\n\r\n", *values), 0, &seen);
		printf("%u", seen.parents);
	}
	printf("\n");
	return 0;
}

int main(int argc, char **argv)
{
	unsigned messages = 0, headers = 0, bad = 0;
	static char stream[MOST];

	if (argc > 2 && !strcmp(argv[1], "parent"))
		return parents(argv + 2);
	if (argc != 3)
		return 2;
	srand(atoi(argv[1]));
	for (int i = atoi(argv[2]); i; i--) {
		unsigned length = make(stream);
		struct seen right, other;

		parse(stream, length, 1, &right);
		for (int way = 0; way < 4; way++) {
			parse(stream, length, way ? 0 : HTTP1_WINDOW, &other);
			if (!memcmp(&right, &other, sizeof(right)))
				continue;
			printf("%u messages, %u headers, %u bad at once, %u, %u, %u in pieces:\n", right.messages, right.headers,
			       right.bad, other.messages, other.headers, other.bad);
			for (unsigned n = 0; n < length; n++) {
				unsigned char c = stream[n];

				printf(c == '\n' ? "\\n\n" : c < 32 || c > 126 ? "\\x%02x" : "%c", c);
			}
			printf("\n");
			return 1;
		}
		messages += right.messages;
		headers += right.headers;
		bad += right.bad;
	}
	printf("%u %u %u\n", messages, headers, bad);
	return 0;
}

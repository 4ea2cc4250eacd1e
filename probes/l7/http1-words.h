/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * http1-words.h: what bytes are and what words look like in HTTP/1: tables and comparisons, without any state.
 */
#ifndef SKEP_L7_HTTP1_WORDS_H
#define SKEP_L7_HTTP1_WORDS_H

enum http1_method {
	HTTP1_OTHER,
	HTTP1_GET,
	HTTP1_HEAD,
	HTTP1_POST,
	HTTP1_PUT,
	HTTP1_DELETE,
	HTTP1_CONNECT,
	HTTP1_OPTIONS,
	HTTP1_TRACE,
	HTTP1_PATCH,
};

/* FNV-1a's prime. */
#define HTTP1_PRIME 0x100000001b3ULL
/* What a segment that is a parameter counts as. */
#define HTTP1_PARAMETER 0x9e3779b97f4a7c15ULL

/*
 * What each byte is within a path, and its value as a hexadecimal digit. A table, not comparisons: each comparison is a
 * fork in the verifier's way, and all of them together are taken at each byte. Larger than 32 bytes, so that it stays in
 * .rodata: the compiler puts smaller constants into a section of their own, whose BTF the kernel refuses.
 */
#define HTTP1_HAS_DIGIT 0x01
#define HTTP1_HAS_HEX 0x02	/* a to f */
#define HTTP1_HAS_DASH 0x04
#define HTTP1_HAS_OTHER 0x08
#define HTTP1_SLASH 0x10
#define HTTP1_END 0x20		/* of a path: a blank, a query, a fragment */
#define HTTP1_CONTROL 0x40
#define HTTP1_NO_DIGIT 0x1f

struct http1_byte_kind {
	__u8 in_path;
	__u8 digit;
};

#define O(n) [n] = { HTTP1_HAS_OTHER, HTTP1_NO_DIGIT }
#define O8(n) O(n), O(n + 1), O(n + 2), O(n + 3), O(n + 4), O(n + 5), O(n + 6), O(n + 7)
#define O64(n) O8(n), O8(n + 8), O8(n + 16), O8(n + 24), O8(n + 32), O8(n + 40), O8(n + 48), O8(n + 56)
#define C(n) [n] = { HTTP1_CONTROL, HTTP1_NO_DIGIT }
#define C8(n) C(n), C(n + 1), C(n + 2), C(n + 3), C(n + 4), C(n + 5), C(n + 6), C(n + 7)
#define D(n) ['0' + n] = { HTTP1_HAS_DIGIT, n }
#define H(low, high, value) [low] = { HTTP1_HAS_HEX, value }, [high] = { HTTP1_HAS_HEX, value }

static const struct http1_byte_kind http1_kinds[256] = {
	C8(0), C8(8), C8(16), C8(24), C(0x7f),
	[' '] = { HTTP1_END, HTTP1_NO_DIGIT }, ['?'] = { HTTP1_END, HTTP1_NO_DIGIT }, ['#'] = { HTTP1_END, HTTP1_NO_DIGIT },
	['/'] = { HTTP1_SLASH, HTTP1_NO_DIGIT }, ['-'] = { HTTP1_HAS_DASH, HTTP1_NO_DIGIT },
	D(0), D(1), D(2), D(3), D(4), D(5), D(6), D(7), D(8), D(9),
	H('a', 'A', 10), H('b', 'B', 11), H('c', 'C', 12), H('d', 'D', 13), H('e', 'E', 14), H('f', 'F', 15),
	O('!'), O('"'), O('$'), O('%'), O('&'), O('\''), O('('), O(')'), O('*'), O('+'), O(','), O('.'),
	O(':'), O(';'), O('<'), O('='), O('>'), O('@'), O('G'), O8('H'), O8('P'), O('X'), O('Y'), O('Z'),
	O('['), O('\\'), O(']'), O('^'), O('_'), O('`'), O('g'), O8('h'), O8('p'), O('x'), O('y'), O('z'),
	O('{'), O('|'), O('}'), O('~'), O64(128), O64(192),
};

#undef O
#undef O8
#undef O64
#undef C
#undef C8
#undef D
#undef H

/* Words that are compared letter by letter, 32 bytes each. In those of versions a 'd' is any digit. */
#define HTTP1_WORD_LENGTH 0
#define HTTP1_WORD_CODING 32
#define HTTP1_WORD_PARENT 64
#define HTTP1_WORD_CHUNKED 96
#define HTTP1_WORD_VERSION 128
#define HTTP1_WORD_REPLY 160
#define HTTP1_WORD_FRAME 192

static const char http1_words[224] = "content-length\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				     "transfer-encoding\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				     "traceparent\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				     "chunked\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				     "HTTP/1.d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				     "1.d ddd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				     "\0\r\nQUIT\n";

/* Is this the letter at that place of a word? No byte is one behind its end. */
static __always_inline bool http1_letter(__u32 word, __u8 c, __u8 at)
{
	return c && at < 32 && c == http1_words[word + (at & 31)];
}

static __always_inline bool http1_pattern(__u32 word, __u8 c, __u8 at)
{
	__u8 wanted = http1_words[word + (at & 31)];

	return c == wanted || (wanted == 'd' && (__u8)(c - '0') <= 9);
}

/* Of a token (RFC 9110, 5.6.2), by a bit for each byte. */
static __always_inline bool http1_in_token(__u8 c)
{
	return c < 128 && (c < 64 ? 0x03ff6cfa00000000ULL : 0x57ffffffc7fffffeULL) >> (c & 63) & 1;
}

static __always_inline __u8 http1_lower(__u8 c)
{
	return c | ((__u8)(c - 'A') <= 25) << 5;
}

/* The letters of a method as they are collected in `word`; longer ones than these seven have none. */
#define HTTP1_LETTERS(a, b, c, d, e, f, g) \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | (__u64)(f) << 40 | (__u64)(g) << 48)

static __always_inline __u8 http1_method_of(__u64 word)
{
	switch (word) {
	case HTTP1_LETTERS('G', 'E', 'T', 0, 0, 0, 0): return HTTP1_GET;
	case HTTP1_LETTERS('H', 'E', 'A', 'D', 0, 0, 0): return HTTP1_HEAD;
	case HTTP1_LETTERS('P', 'O', 'S', 'T', 0, 0, 0): return HTTP1_POST;
	case HTTP1_LETTERS('P', 'U', 'T', 0, 0, 0, 0): return HTTP1_PUT;
	case HTTP1_LETTERS('D', 'E', 'L', 'E', 'T', 'E', 0): return HTTP1_DELETE;
	case HTTP1_LETTERS('C', 'O', 'N', 'N', 'E', 'C', 'T'): return HTTP1_CONNECT;
	case HTTP1_LETTERS('O', 'P', 'T', 'I', 'O', 'N', 'S'): return HTTP1_OPTIONS;
	case HTTP1_LETTERS('T', 'R', 'A', 'C', 'E', 0, 0): return HTTP1_TRACE;
	case HTTP1_LETTERS('P', 'A', 'T', 'C', 'H', 0, 0): return HTTP1_PATCH;
	}
	return HTTP1_OTHER;
}

/* The words that most messages begin with and that most lines of headers are told by, as eight bytes in memory. */
#define HTTP1_EIGHT(a, b, c, d, e, f, g, h) (HTTP1_LETTERS(a, b, c, d, e, f, g) | (__u64)(h) << 56)
#define HTTP1_EIGHT_VERSION HTTP1_EIGHT('H', 'T', 'T', 'P', '/', '1', '.', '1')
#define HTTP1_EIGHT_GET HTTP1_EIGHT('G', 'E', 'T', ' ', 0, 0, 0, 0)
#define HTTP1_EIGHT_POST HTTP1_EIGHT('P', 'O', 'S', 'T', ' ', 0, 0, 0)
#define HTTP1_EIGHT_OK HTTP1_EIGHT(' ', 'O', 'K', '\r', '\n', 0, 0, 0)

/* For letters of either case; what is no letter stays what it is. */
#define HTTP1_LOW7 0x0020202020202020ULL
#define HTTP1_LOW8 0x2020202020202020ULL

#endif /* SKEP_L7_HTTP1_WORDS_H */

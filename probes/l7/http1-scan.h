/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * http1-scan.h: what the bytes ahead in a window are, eight at a time: where a line or a query ends, a chunk's size, a status.
 */
#ifndef SKEP_L7_HTTP1_SCAN_H
#define SKEP_L7_HTTP1_SCAN_H

#include "http1-stream.h"

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

/* Makes eight hexadecimal digits, in small letters, the numbers that they are. False: one of them is none. */
static __always_inline bool http1_hex(__u64 *digits)
{
	__u64 letters = *digits >> 6 & HTTP1_ONES, nibbles = (*digits & 0x0f * HTTP1_ONES) + letters * 9;

	/* 0 to 9 lie from 0x30 on, a to f behind 0x60. */
	if ((*digits & 0xf0 * HTTP1_ONES) != 0x30 * HTTP1_ONES + letters * 0x30 ||
	    ((nibbles + 6 * HTTP1_ONES) & 0x10 * HTTP1_ONES) != letters << 4 || nibbles & 0xf0 * HTTP1_ONES)
		return false;
	*digits = nibbles;
	return true;
}

/*
 * The size of a chunk as most are written: one to six digits and a line end, among the next eight bytes. How many bytes that
 * are; 0: it is written in another way. A chunk of some bytes would take as many steps for its size as a header's line.
 */
static __always_inline __u32 http1_size(const struct http1_window *w, __u32 position, __u32 *size)
{
	__u64 word = http1_eight(w, position), digits;
	__u32 n = http1_first(http1_is(word, '\r')) & 7;

	if (!n || n > 6 || (__u8)(word >> (n + 1) * 8) != '\n')
		return 0;
	/* The digits at the end of a number of eight, capitals made small. */
	digits = word << (8 - n) * 8 | 0x30 * HTTP1_ONES >> n * 8;
	digits |= (digits >> 6 & HTTP1_ONES) << 5;
	if (!http1_hex(&digits))
		return 0;
	digits = (digits << 4 | digits >> 8) & 0x00ff00ff00ff00ffULL;
	digits = (digits << 8 | digits >> 16) & 0x0000ffff0000ffffULL;
	*size = digits << 16 | digits >> 32;
	return n + 2;
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

#endif /* SKEP_L7_HTTP1_SCAN_H */

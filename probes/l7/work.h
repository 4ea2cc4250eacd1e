/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * work.h: what one run of a hook works on, in a scratch of its CPU, by an index. Not on the stack: the verifier follows
 * every number there through every turn of a loop, and knows nothing of those in a map, which is what lets it see that a
 * loop's turns are alike. And what needs nothing but the work can be a global function, which takes the index: the
 * verifier looks at those once, not again at each call. Linux 5.10 lets global functions take nothing but numbers.
 */
#ifndef SKEP_L7_WORK_H
#define SKEP_L7_WORK_H

#include "message.h"
#include "http1.h"
#include "connection.h"
#include "who.h"
#include "series.h"

/*
 * Calls a function `many` times, or until it returns 1. Without `modern` it calls another, a global one, `few` times: a
 * function's address, which bpf_loop() takes, is refused by Linux before 5.13 even where it is never reached, and the
 * verifier goes through each turn of any other loop, where a global function is one call.
 */
#define L7_LOOP(modern, many, function, argument, few, global, number)    \
	do {                                                              \
		if (modern) {                                             \
			bpf_loop(many, function, argument, 0);            \
		} else {                                                  \
			for (int __i = 0; __i < few; __i++)               \
				if (global(number))                       \
					break;                            \
		}                                                         \
	} while (0)

/*
 * At the end of a function of ours that has no result. To the verifier what is left in the register is one, and an address on
 * the stack it refuses.
 */
#define L7_NO_RESULT() asm volatile("r0 = 0" ::: "r0")

/* It has been counted: only more of its body is to be. */
#define L7_ENDED_BEFORE 0

/* How a request ended, with all that is counted of it. */
struct l7_outcome {
	struct l7_request request;
	__u64 socket;		/* address of its struct sock */
	__u64 ended;		/* ns, or L7_ENDED_BEFORE */
	__u64 response_bytes;
	__u64 peer;		/* see who.h; 0: not asked yet */
	__u32 process;
	__u32 service;
	__u16 status;
	__u16 error;		/* enum http_error */
	__u16 port;
	__u16 family;
	__u32 role;
	__u32 pad;
};

/* The same as the caller knows it. */
struct l7_ending {
	__u64 at;
	__u64 response_bytes;
	__u16 status;
	__u16 error;
	__u32 pad;
};

struct l7_work {
	__u64 users;		/* how many runs on this CPU hold it: one, or it is not yours */
	__u64 at;		/* bytes of the message that have been taken */
	__u64 end;		/* bytes that it has */
	__u64 bypassed;		/* of these the first so many went past the hooks */
	__u64 settled;		/* of these the first so many have been taken before, see l7_settle() */
	__u64 window_at;	/* where in it the window begins */
	struct l7_message message;
	struct l7_cursor cursor;
	__u64 socket;		/* address of its struct sock */
	__u32 service;
	__u16 family;
	__u8 direction;
	__u8 unseen;		/* enum l7_unseen: its bytes cannot be read */
	struct l7_ending ending;
	struct l7_outcome outcome;
	struct l7_request spare;	/* for a queue that is full */
	struct http_series key;
	struct l7_ends_of ends;
	struct http1_window window;
};

/* A run may be interrupted by another on the same CPU, so there are several. */
SKEP_PERCPU_ARRAY(l7_works, struct l7_work, SKEP_DEPTH);

static __always_inline struct l7_work *l7_work_at(__u32 index)
{
	return bpf_map_lookup_elem(&l7_works, &index);
}

/* One that nobody else uses, and its index; or NULL. */
static __always_inline struct l7_work *l7_take_work(__u32 *index)
{
#pragma unroll
	for (__u32 i = 0; i < SKEP_DEPTH; i++) {
		struct l7_work *work = l7_work_at(i);

		if (!work)
			return 0;
		__sync_fetch_and_add(&work->users, 1);
		if (*(volatile __u64 *)&work->users == 1) {
			*index = i;
			return work;
		}
		__sync_fetch_and_add(&work->users, -1);
	}
	return 0;
}

/* Steps of one call of http1_parse(), each of which the verifier goes through; most headers take one call or two. */
#define HTTP1_STEPS 6

/*
 * Parses a window until it ends, a header or a message has ended, or a body begins that is not in chunks. A global
 * function: the verifier looks at it once, however many times it is called in a loop. Bytes behind the window's end are
 * zero, which ends no line.
 */
__noinline int http1_parse(__u32 index)
{
	struct l7_work *work = l7_work_at(index);
	struct http1_window *w;
	struct http1_stream *s;

	if (!work)
		return 0;
	w = &work->window;
	s = &w->stream;
	for (int i = 0; i < HTTP1_STEPS; i++) {
		__u64 position = w->position;
		__u8 state = s->state;

		if (position >= w->length || state >= HTTP1_DONE || state == HTTP1_BODY || state == HTTP1_CLOSE)
			return 0;
		position = HTTP1_PLACE(position);
		w->position = position + http1_byte(w, s, state, position);
	}
	return 0;
}

#endif /* SKEP_L7_WORK_H */

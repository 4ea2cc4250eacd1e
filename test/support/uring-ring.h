/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * uring-ring.h: a ring of io_uring by its system calls: entries are put in and submitted in the way that `how` says, and their
 * results awaited in any order.
 */
#ifndef SKEP_TEST_URING_RING_H
#define SKEP_TEST_URING_RING_H

#include <errno.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRIES 8

static int ring, ends[2];
static struct io_uring_params params;
static struct io_uring_sqe *entries;
static char *queue, *completions;
static uint8_t entry_flags;
static const char *how;
static int is(const char *a, const char *b) { return !strcmp(a, b); }

static void give_up(int error)
{
	printf("%d %d\n", getpid(), error);
	exit(0);
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void *map(size_t size, off_t what)
{
	void *at = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);

	if (at == MAP_FAILED)
		fail("mmap");
	return at;
}

static void set_up(void)
{
	if (is(how, "sqpoll")) {
		params.flags = IORING_SETUP_SQPOLL;
		params.sq_thread_idle = 1; /* ms: it sleeps between two messages, and spins for none */
	}
	if (is(how, "defer"))
		params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
	ring = syscall(__NR_io_uring_setup, ENTRIES, &params);
	if (ring < 0)
		give_up(errno);
	queue = map(params.sq_off.array + params.sq_entries * 4, IORING_OFF_SQ_RING);
	completions = map(params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	entries = map(params.sq_entries * sizeof(*entries), IORING_OFF_SQES);
	if (is(how, "async"))
		entry_flags = IOSQE_ASYNC;
}

static int enter(int submit, int wait, int flags)
{
	int done;

	do {
		done = syscall(__NR_io_uring_enter, ring, submit, wait, flags | (is(how, "sqpoll") ? IORING_ENTER_SQ_WAKEUP : 0), 0, 0);
	} while (done < 0 && errno == EINTR);
	if (done < 0)
		fail("io_uring_enter");
	return done;
}

static uint32_t waiting; /* entries that have not been submitted */

/* An entry of its own, still to be submitted. */
static struct io_uring_sqe *entry(int opcode, int descriptor, const void *address, uint32_t length, uint64_t data)
{
	uint32_t *tail = (uint32_t *)(queue + params.sq_off.tail), mask = params.sq_entries - 1;
	uint32_t at = (*tail + waiting) & mask;
	struct io_uring_sqe *e = &entries[at];

	memset(e, 0, sizeof(*e));
	e->opcode = opcode;
	e->fd = is(how, "files") && descriptor == ends[0] ? 0 : is(how, "files") && descriptor == ends[1] ? 1 : descriptor;
	e->flags = entry_flags | (is(how, "files") && descriptor >= 0 ? IOSQE_FIXED_FILE : 0);
	e->addr = (uint64_t)address;
	e->len = length;
	e->user_data = data;
	((uint32_t *)(queue + params.sq_off.array))[at] = at;
	waiting++;
	return e;
}

static void submit(void)
{
	uint32_t *tail = (uint32_t *)(queue + params.sq_off.tail), *head = (uint32_t *)(queue + params.sq_off.head);
	uint32_t count = waiting, end = *tail + count;

	__atomic_store_n(tail, end, __ATOMIC_RELEASE);
	waiting = 0;
	enter(count, 0, 0);
	/* The thread that polls takes them when it comes to it; what they name must stay as it is until then. */
	while (__atomic_load_n(head, __ATOMIC_ACQUIRE) != end)
		enter(0, 0, 0);
}

/* Results that came while another was awaited. */
static struct {
	uint64_t data;
	int result;
	uint32_t flags;
} early[ENTRIES * 2];
static int earlies;
static uint32_t last_flags;

/* Takes in what has been completed. */
static void gather(void)
{
	uint32_t *head = (uint32_t *)(completions + params.cq_off.head);
	uint32_t *tail = (uint32_t *)(completions + params.cq_off.tail);
	struct io_uring_cqe *results = (struct io_uring_cqe *)(completions + params.cq_off.cqes);

	while (*head != __atomic_load_n(tail, __ATOMIC_ACQUIRE)) {
		struct io_uring_cqe one = results[*head & (params.cq_entries - 1)];

		__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
		early[earlies].data = one.user_data;
		early[earlies].flags = one.flags;
		early[earlies++].result = one.res;
	}
}

/* Where the result of an entry lies, or -1. */
static int place_of(uint64_t data)
{
	gather();
	for (int i = 0; i < earlies; i++)
		if (early[i].data == data)
			return i;
	return -1;
}

static int await_result(uint64_t data)
{
	int place, result;

	while ((place = place_of(data)) < 0) {
		if (is(how, "wait")) {
			struct pollfd on = { .fd = ring, .events = POLLIN };

			poll(&on, 1, -1);
		} else {
			enter(0, 1, IORING_ENTER_GETEVENTS);
		}
	}
	result = early[place].result;
	last_flags = early[place].flags;
	/* Those of one multishot receive stay in their order. */
	memmove(&early[place], &early[place + 1], (--earlies - place) * sizeof(early[0]));
	return result;
}

#endif /* SKEP_TEST_URING_RING_H */

// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Both ends of a connection in one process, which talk in turns as talk.native.c does, by io_uring: COUNT times the
 * client sends a request and the server receives it, the server sends a response and the client receives it. Every other
 * receive is submitted before there is something to receive, so that it waits. All other memory that a hook might take
 * for a message says "GET /stolen".
 *
 *     uring-talk FAMILY SEND RECEIVE HOW COUNT
 *     uring-talk    several of them, a line each, from stdin, each in a process of its own
 *
 * FAMILY   tcp, unix
 * SEND     send, sendmsg, sendmsg2 (header and body apart), sendmsg3 (the header in two pieces, too), write, writev, writev2,
 *          writev3, chain (header and body in two linked requests); send_zc, sendmsg_zc, write_fixed, splice
 * RECEIVE  recv, recvmsg, read, readv, waitall (half of it comes at a time), changed (recvmsg, whose vector the program
 *          changes when it is submitted), cancelled (another receive before it, which is cancelled), closed (another
 *          before it on another socket that had the same descriptor); two (another at once); read_fixed, select (buffer
 *          of a group), multishot
 * HOW      plain, async (IOSQE_ASYNC: by a worker), sqpoll, files (registered), defer (IORING_SETUP_DEFER_TASKRUN), skip
 *          (IOSQE_CQE_SKIP_SUCCESS), wait (completions are awaited in poll(2), not in io_uring_enter)
 *
 * Prints the process id and how many bytes each end received, as `PID SERVER CLIENT`, or `PID CODE` when the kernel does
 * not have it, CODE being the error's number. One that has not ended within a minute is ended.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uring-ring.h"

static const char request[] = "POST /true/path HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nGET / HTT";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
static const char stolen[] = "GET /stolen HTTP/1.1\r\nHost: nowhere\r\nX: ";

#define ROOM 4096

static void connect_ends(const char *family)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener, on = 1;

	if (is(family, "unix")) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
			fail("socketpair");
		return;
	}
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (void *)&address, length) || listen(listener, 1))
		fail("listen");
	getsockname(listener, (void *)&address, &length);
	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(ends[0], (void *)&address, length))
		fail("connect");
	ends[1] = accept(listener, 0, 0);
	close(listener);
	for (int i = 0; i < 2; i++)
		setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* A buffer that looks like a request from its first byte to its last. */
static char *tempting(void)
{
	char *at = malloc(ROOM);

	for (int i = 0; i < ROOM; i++)
		at[i] = i < (int)sizeof(stolen) - 1 ? stolen[i] : 'x';
	return at;
}

static char *buffers; /* registered, or of a group */
static uint64_t number;

/* How many bytes were sent. */
static int send_all(const char *call, int end, const char *text, int length)
{
	const char *body = strstr(text, "\r\n\r\n") + 4;
	/* Pieces of it from the first, or from one before which the header is cut. */
	int cut = call[strlen(call) - 1] == '3' ? 12 : 0;
	struct iovec pieces[3] = { { (void *)text, cut },
				   { (void *)text + cut, body - text - cut },
				   { (void *)body, text + length - body } };
	struct iovec *parts = cut ? pieces : pieces + 1;
	struct iovec one = { (void *)text, length };
	struct msghdr header = { .msg_iov = &one, .msg_iovlen = 1 };
	int pipes[2], count = cut ? 3 : 2, vector = is(call, "writev2") || is(call, "writev3"), sent;
	uint64_t data = ++number;
	struct io_uring_sqe *e;

	if (is(call, "send"))
		e = entry(IORING_OP_SEND, ends[end], text, length, data);
	else if (is(call, "write"))
		e = entry(IORING_OP_WRITE, ends[end], text, length, data);
	else if (is(call, "writev") || vector)
		e = entry(IORING_OP_WRITEV, ends[end], vector ? parts : &one, vector ? count : 1, data);
	else if (is(call, "sendmsg"))
		e = entry(IORING_OP_SENDMSG, ends[end], &header, 1, data);
	else if (is(call, "sendmsg2") || is(call, "sendmsg3") || is(call, "sendmsg_zc")) {
		header.msg_iov = parts;
		header.msg_iovlen = count;
		e = entry(is(call, "sendmsg_zc") ? IORING_OP_SENDMSG_ZC : IORING_OP_SENDMSG, ends[end], &header, 1, data);
	} else if (is(call, "chain")) {
		e = entry(IORING_OP_SEND, ends[end], text, body - text, data);
		e->flags |= IOSQE_IO_LINK;
		e = entry(IORING_OP_SEND, ends[end], body, text + length - body, ++number);
		submit();
		sent = await_result(data);
		return sent + await_result(number);
	} else if (is(call, "send_zc")) {
		e = entry(IORING_OP_SEND_ZC, ends[end], text, length, data);
	} else if (is(call, "write_fixed")) {
		memcpy(buffers, text, length);
		e = entry(IORING_OP_WRITE_FIXED, ends[end], buffers, length, data);
	} else {
		if (pipe(pipes) || write(pipes[1], text, length) != length)
			fail("pipe");
		e = entry(IORING_OP_SPLICE, ends[end], 0, length, data);
		e->splice_fd_in = pipes[0];
		e->off = e->splice_off_in = -1;
	}
	if (is(how, "skip") && !strstr(call, "_zc"))
		e->flags |= IOSQE_CQE_SKIP_SUCCESS;
	submit();
	if (is(call, "splice")) {
		sent = await_result(data);
		close(pipes[0]);
		close(pipes[1]);
		return sent;
	}
	if (e->flags & IOSQE_CQE_SKIP_SUCCESS)
		return length;
	sent = await_result(data);
	if (strstr(call, "_zc") && sent >= 0 && last_flags & IORING_CQE_F_MORE)
		await_result(data); /* the buffer is free */
	return sent;
}

struct receive {
	uint64_t data;
	char *buffer, *other;
	struct iovec part;
	struct msghdr header;
};

static int multishot; /* is under way, for each end */

static void receive(const char *call, int end, int length, struct receive *r)
{
	struct io_uring_sqe *e;

	r->data = ++number;
	r->buffer = tempting();
	r->other = tempting();
	r->part = (struct iovec){ r->buffer, ROOM };
	r->header = (struct msghdr){ .msg_iov = &r->part, .msg_iovlen = 1 };
	if (is(call, "cancelled")) {
		entry(IORING_OP_RECV, ends[end], r->other, ROOM, r->data);
		submit();
		e = entry(IORING_OP_ASYNC_CANCEL, -1, (void *)r->data, 0, ++number);
		e->flags = 0;
		submit();
		await_result(number);
		if (await_result(r->data) != -ECANCELED)
			give_up(ECANCELED);
		r->data = ++number;
	}
	if (is(call, "two")) {
		entry(IORING_OP_RECV, ends[end], r->other, ROOM, r->data | 1ULL << 32);
		submit();
	}
	if (is(call, "recvmsg") || is(call, "changed"))
		e = entry(IORING_OP_RECVMSG, ends[end], &r->header, 1, r->data);
	else if (is(call, "read"))
		e = entry(IORING_OP_READ, ends[end], r->buffer, ROOM, r->data);
	else if (is(call, "readv"))
		e = entry(IORING_OP_READV, ends[end], &r->part, 1, r->data);
	else if (is(call, "read_fixed"))
		e = entry(IORING_OP_READ_FIXED, ends[end], buffers + ROOM, ROOM, r->data);
	else
		e = entry(IORING_OP_RECV, ends[end], r->buffer, is(call, "waitall") ? length : ROOM, r->data);
	if (is(call, "waitall"))
		e->msg_flags = MSG_WAITALL;
	if (is(call, "select") || is(call, "multishot")) {
		e->addr = 0;
		e->len = is(call, "select") ? ROOM : 0;
		e->flags |= IOSQE_BUFFER_SELECT;
		e->buf_group = 7;
		if (is(call, "multishot")) {
			r->data = e->user_data = 1ULL << 33 | end;
			e->ioprio = IORING_RECV_MULTISHOT;
			if (multishot & 1 << end) {
				waiting--;
				return;
			}
			multishot |= 1 << end;
		}
	}
	submit();
	if (is(call, "changed"))
		r->part.iov_base = r->other;
}

static int received(const char *call, int end, struct receive *r)
{
	int result = await_result(r->data);

	if (is(call, "select") || is(call, "multishot")) {
		uint32_t flags = last_flags;
		struct io_uring_sqe *e;

		if (result == -EINVAL)
			give_up(EINVAL);
		if (!(flags & IORING_CQE_F_MORE))
			multishot &= ~(1 << end);
		/* The buffer goes back, full of what is not the next message. */
		memcpy(buffers + (flags >> IORING_CQE_BUFFER_SHIFT) * ROOM, r->other, ROOM);
		e = entry(IORING_OP_PROVIDE_BUFFERS, 1, buffers + (flags >> IORING_CQE_BUFFER_SHIFT) * ROOM, ROOM, ++number);
		e->fd = 1;
		e->flags = 0;
		e->off = flags >> IORING_CQE_BUFFER_SHIFT;
		e->buf_group = 7;
		submit();
		await_result(number);
	}
	return result;
}

/*
 * One of two receives that are under way takes the message; the other is cancelled. A worker that is about to wait for the
 * socket can't be cancelled yet (EALREADY, or ENOENT between two lists), and would wait for ever: it's asked again.
 */
static int received_by_one(struct receive *r)
{
	uint64_t pair[2] = { r->data | 1ULL << 32, r->data };
	int sum = 0, result;

	for (int i = 0; i < 2; i++) {
		while (place_of(pair[i]) < 0) {
			struct io_uring_sqe *e = entry(IORING_OP_ASYNC_CANCEL, -1, (void *)pair[i], 0, ++number);

			e->flags = 0;
			submit();
			if (await_result(number))
				sched_yield();
		}
		result = await_result(pair[i]);
		sum += result > 0 ? result : 0;
	}
	return sum;
}

static int pass(const char *send_call, const char *call, int from, const char *text, int length, int before)
{
	int to = !from, sum = 0, one;
	struct receive r;

	before |= is(call, "two") || is(call, "waitall") || is(call, "cancelled");
	if (before)
		receive(call, to, length, &r);
	if (is(call, "waitall")) {
		/* The first half has been taken by the receive before the second is sent. */
		if (write(ends[from], text, length / 2) != length / 2)
			fail("write");
		if (write(ends[from], text + length / 2, length - length / 2) < 0)
			fail("write");
	} else if (send_all(send_call, from, text, length) != length) {
		give_up(EOPNOTSUPP);
	}
	if (is(call, "two")) {
		sum = received_by_one(&r);
		call = "recv";
		before = 0;
	}
	while (sum < length) {
		if (sum && is(call, "cancelled"))
			call = "recv";
		if (!before || sum)
			receive(call, to, length, &r);
		one = received(call, to, &r);
		if (one <= 0)
			give_up(-one);
		sum += one;
	}
	return sum;
}

static void talk(const char *family, const char *send_call, const char *call, int count)
{
	struct io_uring_sqe *e;
	int got[2] = { 0, 0 };

	set_up();
	connect_ends(family);
	buffers = aligned_alloc(4096, 8 * ROOM);
	for (int i = 0; i < 8; i++)
		memcpy(buffers + i * ROOM, tempting(), ROOM);
	if (is(call, "closed")) {
		/* A receive waits on a connection whose descriptors are closed, and the next connection gets. */
		int descriptor = ends[1], fresh;

		entry(IORING_OP_RECV, ends[1], tempting(), ROOM, 1ULL << 40);
		submit();
		fresh = dup(ends[0]);
		close(ends[1]);
		close(ends[0]);
		connect_ends(family);
		if (ends[1] != descriptor && ends[0] != descriptor)
			give_up(EBADF);
		close(fresh);
		call = "recv";
	}
	if (is(how, "files") && syscall(__NR_io_uring_register, ring, IORING_REGISTER_FILES, ends, 2))
		fail("IORING_REGISTER_FILES");
	if (is(send_call, "write_fixed") || is(call, "read_fixed")) {
		struct iovec all = { buffers, 8 * ROOM };

		if (syscall(__NR_io_uring_register, ring, IORING_REGISTER_BUFFERS, &all, 1))
			give_up(errno);
	}
	if (is(call, "select") || is(call, "multishot")) {
		e = entry(IORING_OP_PROVIDE_BUFFERS, 8, buffers, ROOM, ++number);
		e->fd = 8;
		e->flags = 0;
		e->buf_group = 7;
		submit();
		await_result(number);
	}
	for (int i = 0; i < count; i++) {
		got[0] += pass(send_call, call, 0, request, sizeof(request) - 1, i % 2);
		got[1] += pass(send_call, call, 1, response, sizeof(response) - 1, i % 2);
	}
	close(ends[0]);
	close(ends[1]);
	printf("%d %d %d\n", getpid(), got[0], got[1]);
	fflush(stdout);
	exit(0);
}

int main(int argc, char **argv)
{
	char line[256], family[16], send_call[16], call[16], manner[16];
	int count, child, status;

	if (argc > 5) {
		how = argv[4];
		talk(argv[1], argv[2], argv[3], atoi(argv[5]));
	}
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%15s %15s %15s %15s %d", family, send_call, call, manner, &count) != 5)
			fail("line");
		how = manner;
		fflush(stdout);
		child = fork();
		if (!child) {
			alarm(60);
			talk(family, send_call, call, count);
		}
		waitpid(child, &status, 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			printf("%d ended with status %#x\n", child, status);
	}
	return 0;
}

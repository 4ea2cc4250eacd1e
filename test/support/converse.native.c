// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Conversations whose two ends each send with one thread and receive with another, or take turns, by calls and in pieces of chance: what
 * is said comes from stdin, how it is said from a seed, the same each time.
 *
 * stdin, in 32-bit numbers of this machine: for each conversation FAMILY (0 tcp4, 1 tcp6, 2 unix) SEED DEPTH EARLY END LEAVER AT
 * COUNT, then COUNT times the lengths of a request's header, of its body, and of a response, and these bytes.
 *
 * DEPTH    requests that are on their way at once, at most; 0: one, and each end has but one thread
 * EARLY    1: the server answers when it has read a request's header; of those that take turns the client sends the body then
 * END      who closes first: 0 the client, 1 the server, 2 the server when the client has shut down its side
 * LEAVER   of those that take turns, 1: the client leaves within its last request, when AT bytes of it are sent, 2: the server
 *          within its last response
 *
 * Each is a process of its own, eight at once. Prints `PID` of each, in order; ends with 1 when one of them did not read what
 * the other end sent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 8
#define PIECES 8

struct exchange {
	uint32_t header, body, response;
	char *bytes; /* request, then response */
};

struct conversation {
	uint32_t family, seed, depth, early, end, leaver, at, count;
	struct exchange *exchanges;
};

/* One thread's: which end it is at, and its own chance. */
struct side {
	const struct conversation *talk;
	int fd;
	uint32_t chance;
	sem_t *turn;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint32_t below(struct side *s, uint32_t most)
{
	s->chance ^= s->chance << 13;
	s->chance ^= s->chance >> 17;
	s->chance ^= s->chance << 5;
	return most ? s->chance % most : 0;
}

static size_t length_of(struct side *s, size_t most)
{
	static const size_t lengths[] = { 1, 2, 3, 7, 16, 50, 100, 511, 512, 513, 1448, 4096, 16384, 65536 };
	size_t length = below(s, 3) ? lengths[below(s, sizeof(lengths) / sizeof(*lengths))] : most;

	/* Not a hundred thousand calls for a long body. */
	if (most > 2000 && length < 100 && below(s, 4))
		length = most;
	return length < most ? length : most;
}

/* Cuts a buffer into pieces, some of them empty. */
static int cut(struct side *s, char *bytes, size_t length, struct iovec *pieces)
{
	int count = 0;

	for (size_t at = 0; at < length;) {
		size_t piece = count == PIECES - 1 ? length - at : below(s, length - at + 1);

		pieces[count++] = (struct iovec){ bytes + at, piece };
		at += piece;
	}
	return count;
}

static ssize_t send_some(struct side *s, char *bytes, size_t length)
{
	struct iovec pieces[PIECES];
	int count = cut(s, bytes, length, pieces), copy;
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = count };
	struct mmsghdr messages[2] = { { .msg_hdr = { .msg_iov = pieces, .msg_iovlen = 1 } },
				       { .msg_hdr = { .msg_iov = pieces + 1, .msg_iovlen = count - 1 } } };
	ssize_t sent;

	switch (below(s, 8)) {
	case 0:
		return write(s->fd, bytes, length);
	case 1:
		return writev(s->fd, pieces, count);
	case 2:
		return send(s->fd, bytes, length, 0);
	case 3:
		return sendmsg(s->fd, &message, 0);
	case 4:
		/* A message of nothing, of several at once: nobody does that, and the next is looked for in its place. */
		if (!pieces->iov_len)
			return writev(s->fd, pieces, count);
		sent = sendmmsg(s->fd, messages, count > 1 ? 2 : 1, 0);
		return sent < 0 ? sent : messages[0].msg_len + (sent > 1 ? messages[1].msg_len : 0);
	case 5:
		return sendto(s->fd, bytes, length, MSG_NOSIGNAL, 0, 0);
	case 6:
		sent = send(s->fd, bytes, length, MSG_DONTWAIT);
		return sent < 0 && errno == EAGAIN ? 0 : sent;
	default:
		copy = dup(s->fd);
		sent = write(copy, bytes, length);
		close(copy);
		return sent;
	}
}

static ssize_t receive_some(struct side *s, char *bytes, size_t length)
{
	struct iovec pieces[PIECES];
	int count = cut(s, bytes, length, pieces), copy;
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = count };
	struct mmsghdr messages = { .msg_hdr = message };
	char peeked[512];
	ssize_t received;

	switch (below(s, 10)) {
	case 0:
		return read(s->fd, bytes, length);
	case 1:
		return readv(s->fd, pieces, count);
	case 2:
		return recv(s->fd, bytes, length, 0);
	case 3:
		return recvmsg(s->fd, &message, 0);
	case 4:
		return recvmmsg(s->fd, &messages, 1, 0, 0) < 0 ? -1 : messages.msg_len;
	case 5:
		return recvfrom(s->fd, bytes, length, 0, 0, 0);
	case 6:
		if (recv(s->fd, peeked, 1 + below(s, sizeof(peeked)), MSG_PEEK) < 0)
			return -1;
		return read(s->fd, bytes, length);
	case 7:
		return recv(s->fd, bytes, length, MSG_WAITALL);
	case 8:
		received = recv(s->fd, bytes, length, MSG_DONTWAIT);
		if (received >= 0 || errno != EAGAIN)
			return received;
		poll(&(struct pollfd){ .fd = s->fd, .events = POLLIN }, 1, -1);
		return read(s->fd, bytes, length);
	default:
		copy = dup(s->fd);
		received = read(copy, bytes, length);
		close(copy);
		return received;
	}
}

static void send_all(struct side *s, char *bytes, size_t length)
{
	for (ssize_t sent; length; bytes += sent, length -= sent)
		if ((sent = send_some(s, bytes, length_of(s, length))) < 0)
			fail("send");
}

static void receive_all(struct side *s, const char *wanted, size_t length)
{
	char *bytes = malloc(length + 1);

	for (size_t at = 0; at < length;) {
		ssize_t received = receive_some(s, bytes + at, length_of(s, length - at));

		if (received <= 0 && s->talk->leaver)
			break; /* the other end has left */
		if (received <= 0)
			fail("receive");
		at += received;
	}
	if (memcmp(bytes, wanted, s->talk->leaver ? 0 : length)) {
		fprintf(stderr, "what was read is not what was sent\n");
		exit(1);
	}
	free(bytes);
}

static size_t request_of(const struct exchange *e)
{
	return (size_t)e->header + e->body;
}

/* As many of them in one go as may be on their way, or fewer. */
static void *send_each(struct side *s, char *(*bytes)(struct exchange *), size_t (*length)(const struct exchange *))
{
	const struct conversation *t = s->talk;

	for (uint32_t i = 0, n; i < t->count; i += n) {
		size_t total = 0, at = 0;
		char *all;

		for (n = 0; i + n < t->count && (!n || (below(s, 2) && !sem_trywait(s->turn))); n++) {
			if (!n)
				sem_wait(s->turn);
			total += length(&t->exchanges[i + n]);
		}
		all = malloc(total + 1);
		for (uint32_t j = i; j < i + n; at += length(&t->exchanges[j]), j++)
			memcpy(all + at, bytes(&t->exchanges[j]), length(&t->exchanges[j]));
		send_all(s, all, total);
		free(all);
	}
	return 0;
}

static char *request_bytes(struct exchange *e)
{
	return e->bytes;
}

static char *response_bytes(struct exchange *e)
{
	return e->bytes + request_of(e);
}

static size_t response_of(const struct exchange *e)
{
	return e->response;
}

static void *send_requests(void *side)
{
	return send_each(side, request_bytes, request_of);
}

static void *send_responses(void *side)
{
	return send_each(side, response_bytes, response_of);
}

static void *receive_requests(void *side)
{
	struct side *s = side;

	for (uint32_t i = 0; i < s->talk->count; i++) {
		struct exchange *e = &s->talk->exchanges[i];

		receive_all(s, e->bytes, s->talk->early ? e->header : request_of(e));
		sem_post(s->turn);
		if (s->talk->early)
			receive_all(s, e->bytes + e->header, e->body);
	}
	return 0;
}

static void *receive_responses(void *side)
{
	struct side *s = side;

	for (uint32_t i = 0; i < s->talk->count; i++) {
		receive_all(s, response_bytes(&s->talk->exchanges[i]), s->talk->exchanges[i].response);
		sem_post(s->turn);
	}
	return 0;
}

/* Sends what is next, or a part of it before it leaves, of which `before` bytes have been sent. */
static int send_or_leave(struct side *s, uint32_t index, uint32_t end, char *bytes, size_t length, size_t before)
{
	const struct conversation *t = s->talk;
	bool leaves = index == t->count - 1 && t->leaver == end + 1;

	send_all(s, bytes, leaves ? t->at - before : length);
	if (leaves)
		close(s->fd);
	return leaves;
}

/* The client's end of one that takes turns: sends what the server's receives, and the reverse. */
static void *ask(void *side)
{
	struct side *s = side;

	for (uint32_t i = 0; i < s->talk->count; i++) {
		struct exchange *e = &s->talk->exchanges[i];

		if (s->talk->early)
			send_all(s, e->bytes, e->header);
		else if (send_or_leave(s, i, 0, e->bytes, request_of(e), 0))
			return 0;
		receive_all(s, response_bytes(e), e->response);
		if (s->talk->early && send_or_leave(s, i, 0, e->bytes + e->header, e->body, e->header))
			return 0;
	}
	if (s->talk->leaver)
		close(s->fd);
	return 0;
}

static void *answer(void *side)
{
	struct side *s = side;

	for (uint32_t i = 0; i < s->talk->count; i++) {
		struct exchange *e = &s->talk->exchanges[i];

		receive_all(s, e->bytes, s->talk->early ? e->header : request_of(e));
		if (i == s->talk->count - 1 && s->talk->leaver == 1 && !s->talk->early)
			break;
		if (send_or_leave(s, i, 1, response_bytes(e), e->response, 0))
			return 0;
		if (s->talk->early)
			receive_all(s, e->bytes + e->header, e->body);
	}
	if (s->talk->leaver)
		close(s->fd);
	return 0;
}

static void connect_ends(uint32_t family, int ends[2])
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *address = family ? (void *)&six : (void *)&four;
	socklen_t length = family ? sizeof(six) : sizeof(four);
	int listener;

	if (family == 2) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
			fail("socketpair");
		return;
	}
	listener = socket(address->sa_family, SOCK_STREAM, 0);
	if (bind(listener, address, length) || listen(listener, 1) || getsockname(listener, address, &length))
		fail("listen");
	ends[0] = socket(address->sa_family, SOCK_STREAM, 0);
	if (connect(ends[0], address, length) || (ends[1] = accept(listener, 0, 0)) < 0)
		fail("connect");
	close(listener);
}

static void to_the_end(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 0)
		fail("the end");
}

static void converse(const struct conversation *t)
{
	static void *(*const apart[])(void *) = { send_requests, receive_responses, receive_requests, send_responses };
	static void *(*const turns_only[])(void *) = { ask, answer };
	int count = t->depth ? 4 : 2;
	pthread_t threads[4];
	sem_t turns[2];
	int ends[2];

	connect_ends(t->family, ends);
	sem_init(&turns[0], 0, t->depth);
	sem_init(&turns[1], 0, 0);
	for (int i = 0; i < count; i++) {
		int end = i * 2 / count;
		struct side *s = malloc(sizeof(*s));

		*s = (struct side){ t, ends[end], (t->seed + i) * 2654435761u | 1, &turns[end] };
		pthread_create(&threads[i], 0, t->depth ? apart[i] : turns_only[i], s);
	}
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], 0);
	if (t->leaver)
		return;
	if (t->end == 2) {
		shutdown(ends[0], SHUT_WR);
		to_the_end(ends[1]);
	}
	close(ends[t->end != 0]);
	to_the_end(ends[t->end == 0]);
	close(ends[t->end == 0]);
}

static int take(void *to, size_t length)
{
	return !length || fread(to, length, 1, stdin) == 1;
}

int main(void)
{
	struct conversation t;
	int running = 0, status, failed = 0;

	while (take(&t, 8 * sizeof(uint32_t))) {
		t.exchanges = calloc(t.count, sizeof(*t.exchanges));
		for (uint32_t i = 0; i < t.count; i++) {
			struct exchange *e = &t.exchanges[i];

			if (!take(e, 3 * sizeof(uint32_t)))
				fail("stdin");
			e->bytes = malloc(request_of(e) + e->response + 1);
			if (!take(e->bytes, request_of(e) + e->response))
				fail("stdin");
		}
		if (running == AT_ONCE) {
			wait(&status);
			failed |= status;
			running--;
		}
		fflush(stdout);
		pid_t pid = fork();
		if (!pid) {
			converse(&t);
			_exit(0);
		}
		printf("%d\n", pid);
		running++;
		for (uint32_t i = 0; i < t.count; i++)
			free(t.exchanges[i].bytes);
		free(t.exchanges);
	}
	while (running-- && wait(&status) > 0)
		failed |= status;
	return failed != 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steady.c: requests at a constant rate over some kept connections, one every so many microseconds, for as long as it runs.
 * It takes a hundredth of what a server takes, so that what a server takes is not the load's doing: two processors share
 * caches, and often more.
 *
 *     steady PORT RATE CONNECTIONS PATH
 *
 * An answer has to be a 200 with Content-Length. Without a free connection a request waits for one. Ends with 1 at any other
 * answer, with 0 on SIGTERM.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 64
#define HEADER 4096

struct connection {
	size_t got;	/* of the header, 0 behind it */
	size_t left;	/* of the body */
	int busy;
	char header[HEADER + 1];
};

static struct connection all[MOST];
static struct pollfd ends[MOST];
static char request[1024], rest[65536];
static volatile sig_atomic_t over;

static void end(int signal)
{
	(void)signal;
	over = 1;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int connected(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)))
		fail("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* What a connection has to read. */
static void take(struct connection *c, int fd)
{
	ssize_t n;
	char *body, *length;

	if (c->left) {
		n = read(fd, rest, c->left < sizeof(rest) ? c->left : sizeof(rest));
		if (n <= 0)
			fail("read");
		c->left -= n;
	} else {
		n = read(fd, c->header + c->got, HEADER - c->got);
		if (n <= 0)
			fail("read");
		c->got += n;
		c->header[c->got] = 0;
		body = strstr(c->header, "\r\n\r\n");
		if (!body && c->got < HEADER)
			return;
		length = body ? strcasestr(c->header, "\r\nContent-Length:") : 0;
		if (strncmp(c->header, "HTTP/1.1 200", 12) || !length || length > body) {
			fprintf(stderr, "no 200 with Content-Length: %.60s\n", c->header);
			exit(1);
		}
		c->left = strtoul(length + 17, 0, 10) - (c->header + c->got - (body + 4));
		c->got = 0;
	}
	if (!c->left)
		c->busy = 0;
}

static long until(const struct timespec *at)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (at->tv_sec - now.tv_sec) * 1000000000L + at->tv_nsec - now.tv_nsec;
}

int main(int argc, char **argv)
{
	struct sigaction ends_it = { .sa_handler = end };
	struct timespec next;
	int count, last = 0, size;
	long gap;

	if (argc != 5 || (count = atoi(argv[3])) < 1 || count > MOST || atol(argv[2]) < 1) {
		fprintf(stderr, "steady PORT RATE CONNECTIONS PATH, at most %d connections\n", MOST);
		return 2;
	}
	sigaction(SIGTERM, &ends_it, 0);
	size = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nUser-Agent: steady\r\n\r\n", argv[4], argv[1]);
	gap = 1000000000L / atol(argv[2]);
	for (int i = 0; i < count; i++)
		ends[i] = (struct pollfd){ .fd = connected(atoi(argv[1])), .events = POLLIN };
	clock_gettime(CLOCK_MONOTONIC, &next);
	while (!over) {
		long wait = until(&next);
		struct timespec left = { 0, wait > 0 ? wait : 0 };
		int free = -1, ready;

		for (int i = 0; i < count && free < 0; i++)
			if (!all[(last + i) % count].busy)
				free = (last + i) % count;
		/* Nothing to send until it is time, or a connection is free. */
		ready = ppoll(ends, count, free < 0 ? 0 : &left, 0);
		if (ready < 0 && errno != EINTR)
			fail("ppoll");
		for (int i = 0; i < count && ready > 0; i++)
			if (ends[i].revents) {
				take(&all[i], ends[i].fd);
				ready--;
			}
		if (free < 0 || until(&next) > 0)
			continue;
		if (write(ends[free].fd, request, size) != size)
			fail("write");
		all[free].busy = 1;
		last = free + 1;
		next.tv_nsec += gap;
		if (next.tv_nsec >= 1000000000L)
			next.tv_sec++, next.tv_nsec -= 1000000000L;
	}
	return 0;
}

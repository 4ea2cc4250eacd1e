/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keepalive.c: one connection over loopback, COUNT requests and as many responses, one after the other. What a hook on
 * sockets costs is the difference of this program's CPU time with and without it: nothing else here takes time, and no
 * scheduler is in between, as in "both" one thread is client and server.
 *
 *     keepalive both|two PORT COUNT REQUEST-HEADER-BYTES RESPONSE-HEADER-BYTES BODY-BYTES [RATE [ROUTES]]
 *
 * RATE requests a second (0: as fast as it can), in batches of a millisecond; their paths run through ROUTES.
 * Prints {"server":PID,"client":PID}, then waits for a line on stdin (the hooks are attached meanwhile), runs, and prints
 * {"ns":CPU of both,"server_ns":...,"client_ns":...}; again for each line, until stdin ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_ROUTES 100

static char requests[MOST_ROUTES][65536], response[65536 + 65536], heard[131072];
static size_t request_size, response_size;
static long rate, routes = 1;

/* Of equal length, so that all requests are. */
static const char *const words[] = { "users", "items", "carts", "likes", "posts", "views", "votes", "terms", "rooms", "plans" };

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Fills a header up to `size` bytes with lines as programs send them. */
static size_t head(char *to, const char *first, size_t size, size_t body)
{
	size_t at = sprintf(to, "%sHost: 127.0.0.1:8080\r\nContent-Length: %zu\r\n", first, body);

	for (int i = 0; at + 4 < size; i++) {
		size_t left = size - 2 - at, line = left < 96 ? left : 64;
		char name[16];
		int n = snprintf(name, sizeof(name), "X-Field-%03d: ", i);

		if (line < (size_t)n + 3)
			break;
		memcpy(to + at, name, n);
		memset(to + at + n, 'v', line - n - 2);
		memcpy(to + at + line - 2, "\r\n", 2);
		at += line;
	}
	memcpy(to + at, "\r\n", 2);
	return at + 2;
}

static void give(int fd, const char *bytes, size_t size)
{
	if (write(fd, bytes, size) != (ssize_t)size)
		fail("write");
}

static void take(int fd, size_t size)
{
	for (size_t got = 0; got < size;) {
		ssize_t n = read(fd, heard, sizeof(heard));

		if (n <= 0)
			fail("read");
		got += n;
	}
}

static void pair(int port, int *server, int *client)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (void *)&at, sizeof(at)) || listen(listener, 1))
		fail("listen");
	*client = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(*client, (void *)&at, sizeof(at)))
		fail("connect");
	*server = accept(listener, 0, 0);
	setsockopt(*client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(*server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(listener);
}

static long long now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Waits until the `i`th request is due. */
static void pace(long i, long long began)
{
	long batch = rate / 1000 + 1;
	long long due;
	struct timespec at;

	if (!rate || i % batch)
		return;
	due = began + i * (1000000000LL / rate);
	at.tv_sec = due / 1000000000;
	at.tv_nsec = due % 1000000000;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, 0);
}

static void serve(int fd, long count)
{
	for (long i = 0; i < count; i++) {
		take(fd, request_size);
		give(fd, response, response_size);
	}
}

static void call(int fd, long count)
{
	long long began = now(CLOCK_MONOTONIC);

	for (long i = 0; i < count; i++) {
		pace(i, began);
		give(fd, requests[i % routes], request_size);
		take(fd, response_size);
	}
}

static void both(int server, int client, long count)
{
	long long began = now(CLOCK_MONOTONIC);

	for (long i = 0; i < count; i++) {
		pace(i, began);
		give(client, requests[i % routes], request_size);
		take(server, request_size);
		give(server, response, response_size);
		take(client, response_size);
	}
}

int main(int argc, char **argv)
{
	int server, client, ask[2], tell[2];
	char line[16];
	long count;
	size_t body;
	pid_t child = 0;

	if (argc < 7 || argc > 9) {
		fprintf(stderr, "keepalive both|two PORT COUNT REQUEST-HEADER RESPONSE-HEADER BODY [RATE [ROUTES]]\n");
		return 2;
	}
	if (argc > 7)
		rate = atol(argv[7]);
	if (argc > 8)
		routes = atol(argv[8]);
	count = atol(argv[3]);
	body = atol(argv[6]);
	if (atol(argv[4]) > 60000 || atol(argv[5]) > 60000 || body > 60000 || routes < 1 || routes > MOST_ROUTES || rate < 0)
		return 2;
	for (long i = 0; i < routes; i++) {
		char first[80];

		/* Names, no numbers: what looks like a parameter would be one route. */
		snprintf(first, sizeof(first), "GET /%s/%s?objects=5&tasks=10 HTTP/1.1\r\n", words[i / 10], words[i % 10]);
		request_size = head(requests[i], first, atol(argv[4]), 0);
	}
	response_size = head(response, "HTTP/1.1 200 OK\r\n", atol(argv[5]), body);
	memset(response + response_size, 'b', body);
	response_size += body;
	pair(atoi(argv[2]), &server, &client);
	if (!strcmp(argv[1], "two")) {
		if (pipe(ask) || pipe(tell))
			fail("pipe");
		child = fork();
		if (!child) {
			close(ask[1]); /* so that it ends with its parent */
			while (read(ask[0], line, 1) == 1) {
				long long began = now(CLOCK_PROCESS_CPUTIME_ID), took;

				serve(server, count);
				took = now(CLOCK_PROCESS_CPUTIME_ID) - began;
				if (write(tell[1], &took, sizeof(took)) < 0)
					return 1;
			}
			return 0;
		}
		close(ask[0]);
	}
	printf("{\"server\":%d,\"client\":%d}\n", child ? child : getpid(), getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		long long began = now(CLOCK_PROCESS_CPUTIME_ID), mine, other = 0;

		if (child) {
			if (write(ask[1], "g", 1) != 1)
				fail("ask");
			call(client, count);
			mine = now(CLOCK_PROCESS_CPUTIME_ID) - began;
			if (read(tell[0], &other, sizeof(other)) != sizeof(other))
				fail("tell");
		} else {
			both(server, client, count);
			mine = now(CLOCK_PROCESS_CPUTIME_ID) - began;
		}
		printf("{\"ns\":%lld,\"server_ns\":%lld,\"client_ns\":%lld,\"request\":%zu,\"response\":%zu}\n", mine + other, other, mine,
		       request_size, response_size);
		fflush(stdout);
	}
	if (child) {
		close(ask[1]);
		waitpid(child, 0, 0);
	}
	return 0;
}

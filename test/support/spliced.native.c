// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A client that reads a response's header and splices its body, as proxies do that look at no body; and its server, a thread,
 * which sends that body from a file without blocks. Then one more request on the connection.
 *
 *     spliced LENGTH
 *
 * Prints `spliced` when all of it has come.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)
#define GET "GET /vast HTTP/1.1\r\nHost: here\r\n\r\n"

static size_t length;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void take(int fd, size_t bytes)
{
	char buffer[256];

	if (bytes > sizeof(buffer) || recv(fd, buffer, bytes, MSG_WAITALL) != (ssize_t)bytes)
		fail("take");
}

static void put(int fd, const char *text)
{
	if (send(fd, text, strlen(text), 0) != (ssize_t)strlen(text))
		fail("put");
}

static int header(char *to, size_t body)
{
	return sprintf(to, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body);
}

static void *serve(void *argument)
{
	int fd = *(int *)argument, file = memfd_create("vast", 0);
	char text[128];

	if (file < 0 || ftruncate(file, length))
		fail("file");
	take(fd, strlen(GET));
	header(text, length);
	put(fd, text);
	for (size_t left = length; left;) {
		ssize_t sent = sendfile(fd, file, 0, left);

		if (sent <= 0)
			fail("sendfile");
		left -= sent;
	}
	take(fd, strlen(GET));
	header(text, 0);
	put(fd, text);
	return 0;
}

static void splice_all(int fd)
{
	int ends[2], nothing = open("/dev/null", O_WRONLY);

	if (pipe(ends) || fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES) < 0)
		fail("pipe");
	for (size_t left = length; left;) {
		ssize_t in = splice(fd, 0, ends[1], 0, left < PIPE_BYTES ? left : PIPE_BYTES, 0);

		if (in <= 0)
			fail("splice");
		left -= in;
		while (in > 0) {
			ssize_t out = splice(ends[0], 0, nothing, 0, in, 0);

			if (out <= 0)
				fail("splice out");
			in -= out;
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), server;
	socklen_t size = sizeof(in);
	pthread_t thread;
	char text[128];

	if (argc != 2)
		return 2;
	length = strtoull(argv[1], 0, 10);
	if (bind(listener, (void *)&in, size) || listen(listener, 1) || getsockname(listener, (void *)&in, &size) ||
	    connect(client, (void *)&in, size) || (server = accept(listener, 0, 0)) < 0 ||
	    pthread_create(&thread, 0, serve, &server))
		fail("connection");
	put(client, GET);
	take(client, header(text, length));
	splice_all(client);
	/* As those do that would read on. */
	if (recv(client, text, 1, MSG_DONTWAIT) != -1)
		fail("more");
	put(client, GET);
	take(client, header(text, 0));
	pthread_join(thread, 0);
	puts("spliced");
	return 0;
}

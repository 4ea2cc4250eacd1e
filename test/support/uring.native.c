// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A server that receives a request by io_uring while its registers say something else: it waits in
 * recv(socket, buffer, 8, MSG_PEEK), whose buffer holds "xxxxxxxx /stolen …" behind its first eight bytes. Whoever
 * believes the registers when io_uring's receive completes, at the end of that call, reads memory that is not this
 * message.
 *
 * Prints the process id and how many bytes io_uring received.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char request[] = "GET /true/path HTTP/1.1\r\nHost: here\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void *map(int ring, size_t size, off_t what)
{
	void *at = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);

	if (at == MAP_FAILED)
		fail("mmap");
	return at;
}

int main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct io_uring_params params = { 0 };
	socklen_t length = sizeof(address);
	static char received[512], registers[512];
	struct io_uring_sqe *entries;
	struct io_uring_cqe *done;
	int listener, client, server, ring, child;
	uint32_t *array, *tail;
	char *queue, *completions, go;
	int pipes[2];

	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (void *)&address, length) || listen(listener, 1) || pipe(pipes))
		fail("listen");
	getsockname(listener, (void *)&address, &length);
	client = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(client, (void *)&address, length))
		fail("connect");
	server = accept(listener, 0, 0);
	child = fork();
	if (!child) {
		char answer[512];

		/* The client, which speaks when the server's receive is under way. */
		close(server);
		if (read(pipes[0], &go, 1) != 1)
			fail("pipe");
		usleep(50000); /* until the parent waits in recv: nothing tells */
		if (write(client, request, sizeof(request) - 1) < 0 || read(client, answer, sizeof(answer)) <= 0)
			fail("client");
		exit(0);
	}
	close(client);
	ring = syscall(__NR_io_uring_setup, 4, &params);
	if (ring < 0)
		fail("io_uring_setup");
	queue = map(ring, params.sq_off.array + params.sq_entries * 4, IORING_OFF_SQ_RING);
	completions = map(ring, params.cq_off.cqes + params.cq_entries * sizeof(*done), IORING_OFF_CQ_RING);
	entries = map(ring, params.sq_entries * sizeof(*entries), IORING_OFF_SQES);
	memset(entries, 0, sizeof(*entries));
	entries[0].opcode = IORING_OP_RECV;
	entries[0].fd = server;
	entries[0].addr = (uint64_t)received;
	entries[0].len = sizeof(received);
	array = (uint32_t *)(queue + params.sq_off.array);
	tail = (uint32_t *)(queue + params.sq_off.tail);
	array[0] = 0;
	__atomic_store_n(tail, 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, ring, 1, 0, 0, 0, 0) != 1)
		fail("io_uring_enter");
	strcpy(registers, "xxxxxxxx /stolen HTTP/1.1\r\nHost: nowhere\r\n\r\n");
	if (write(pipes[1], "g", 1) != 1)
		fail("pipe");
	recv(server, registers, 8, MSG_PEEK);
	if (syscall(__NR_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, 0, 0) < 0)
		fail("io_uring_enter");
	done = (struct io_uring_cqe *)(completions + params.cq_off.cqes);
	if (write(server, response, sizeof(response) - 1) < 0)
		fail("response");
	waitpid(child, 0, 0);
	printf("%d %d %d\n", getpid(), child, done[0].res);
	return 0;
}

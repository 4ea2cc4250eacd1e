// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Both ends of a connection in one process, which talk in turns: COUNT times the client sends REQUEST and the server
 * receives it, the server sends RESPONSE and the client receives it, by the system calls that are asked for.
 *
 *     talk FAMILY SEND RECEIVE PIECE COUNT REQUEST RESPONSE [END]
 *     talk    several of them, from stdin, each in a process of its own
 *
 * FAMILY   tcp4, tcp6, mptcp4, ktls4 (TCP that the kernel encrypts), unix, pair (socketpair)
 * SEND     write, writev (two halves), send, sendto, sendmsg, sendmmsg (two messages), sendfile, splice; body: the header
 *          by write, the body by sendfile
 * RECEIVE  read, readv, recv, recvfrom, recvmsg, recvmmsg, peek (MSG_PEEK before each), splice (into a pipe), trunc
 *          (TCP's MSG_TRUNC), rest (the header by recv, what is behind it by splice)
 * PIECE    bytes a call sends at most, 0: all
 * END      what the ends do at the end: close (default), reset (SO_LINGER 0 by the client before its response), late (so, and
 *          the server reads the request only then, and cannot answer), gone (the server closes without a response), half (the
 *          client has shut down its side, and reads the response when the server has closed),
 *          idle (the client finds nothing more to read, prints, and keeps the connection until stdin ends),
 *          early (each response is passed before the last bytes of its request, as many as LEFT_BYTES says),
 *          shut (the server shuts down its side behind its response, which the client reads to its end; nobody else reads on),
 *          race (tcp4, as often as COUNT says a connection for one request: the server is a thread on another processor, and
 *          resets it behind its response)
 *
 * Prints the process id and how many bytes each end received, as `PID SERVER CLIENT`.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of a request whose response comes early. */
#define LEFT_BYTES 20

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* What is sent and received from here on is encrypted, both ways with one key. */
static void encrypt(int fd)
{
	struct tls12_crypto_info_aes_gcm_128 key = {
		.info = { .version = TLS_1_2_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128 },
		.key = "a key of no use",
	};

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3) || setsockopt(fd, SOL_TLS, TLS_TX, &key, sizeof(key)) ||
	    setsockopt(fd, SOL_TLS, TLS_RX, &key, sizeof(key)))
		fail("kernel TLS");
}

static void connect_pair(const char *family, int ends[2])
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof(address);
	int listener, protocol = 0;

	if (!strcmp(family, "pair")) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
			fail("socketpair");
		return;
	}
	if (family[strlen(family) - 1] == '4') {
		protocol = *family == 'm' ? 262 /* IPPROTO_MPTCP */ : 0;
		struct sockaddr_in *in = (void *)&address;
		in->sin_family = AF_INET;
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		length = sizeof(*in);
	} else if (!strcmp(family, "tcp6")) {
		struct sockaddr_in6 *in = (void *)&address;
		in->sin6_family = AF_INET6;
		in->sin6_addr = in6addr_loopback;
		length = sizeof(*in);
	} else {
		struct sockaddr_un *un = (void *)&address;
		un->sun_family = AF_UNIX;
		length = 3 + snprintf(un->sun_path + 1, 90, "talk-%d", getpid());
	}
	listener = socket(address.ss_family, SOCK_STREAM, protocol);
	if (listener < 0 || bind(listener, (void *)&address, length) || listen(listener, 1))
		fail("listen");
	if (address.ss_family != AF_UNIX)
		getsockname(listener, (void *)&address, &length);
	ends[0] = socket(address.ss_family, SOCK_STREAM, protocol);
	if (connect(ends[0], (void *)&address, length))
		fail("connect");
	ends[1] = accept(listener, 0, 0);
	if (ends[1] < 0)
		fail("accept");
	close(listener);
	if (!strcmp(family, "ktls4"))
		encrypt(ends[0]), encrypt(ends[1]);
}

static ssize_t from_file(int fd, const char *how, const char *bytes, size_t length)
{
	char name[] = "/tmp/talk-XXXXXX";
	int file = mkstemp(name), pipes[2];
	ssize_t sent;

	if (file < 0)
		fail("mkstemp");
	unlink(name);
	if (write(file, bytes, length) != (ssize_t)length)
		fail("write file");
	lseek(file, 0, SEEK_SET);
	if (!strcmp(how, "sendfile")) {
		sent = sendfile(fd, file, 0, length);
	} else {
		if (pipe(pipes))
			fail("pipe");
		if (splice(file, 0, pipes[1], 0, length, 0) != (ssize_t)length)
			fail("splice in");
		sent = splice(pipes[0], 0, fd, 0, length, 0);
		close(pipes[0]);
		close(pipes[1]);
	}
	close(file);
	return sent;
}

static ssize_t send_some(int fd, const char *how, const char *bytes, size_t length)
{
	struct iovec halves[2] = { { (void *)bytes, length / 2 }, { (void *)(bytes + length / 2), length - length / 2 } };
	struct msghdr message = { .msg_iov = halves, .msg_iovlen = 2 };
	struct mmsghdr both[2] = { { { .msg_iov = &halves[0], .msg_iovlen = 1 } }, { { .msg_iov = &halves[1], .msg_iovlen = 1 } } };
	int messages;

	if (!strcmp(how, "write"))
		return write(fd, bytes, length);
	if (!strcmp(how, "writev"))
		return writev(fd, halves, 2);
	if (!strcmp(how, "send"))
		return send(fd, bytes, length, MSG_NOSIGNAL);
	if (!strcmp(how, "sendto"))
		return sendto(fd, bytes, length, 0, 0, 0);
	if (!strcmp(how, "sendmsg"))
		return sendmsg(fd, &message, 0);
	if (!strcmp(how, "sendmmsg")) {
		messages = sendmmsg(fd, both, 2, 0);
		return messages < 0 ? -1 : both[0].msg_len + (messages > 1 ? both[1].msg_len : 0);
	}
	return from_file(fd, how, bytes, length);
}

static ssize_t receive_some(int fd, const char *how, char *to, size_t room)
{
	struct iovec halves[2] = { { to, room / 2 }, { to + room / 2, room - room / 2 } };
	struct msghdr message = { .msg_iov = halves, .msg_iovlen = 2 };
	struct mmsghdr both[2] = { { { .msg_iov = &halves[0], .msg_iovlen = 1 } }, { { .msg_iov = &halves[1], .msg_iovlen = 1 } } };
	int pipes[2], messages;
	ssize_t got;

	if (!strcmp(how, "read"))
		return read(fd, to, room);
	if (!strcmp(how, "readv"))
		return readv(fd, halves, 2);
	if (!strcmp(how, "recv"))
		return recv(fd, to, room, 0);
	if (!strcmp(how, "recvfrom"))
		return recvfrom(fd, to, room, 0, 0, 0);
	if (!strcmp(how, "recvmsg"))
		return recvmsg(fd, &message, 0);
	if (!strcmp(how, "recvmmsg")) {
		messages = recvmmsg(fd, both, 2, MSG_WAITFORONE, 0);
		return messages < 0 ? -1 : both[0].msg_len + (messages > 1 ? both[1].msg_len : 0);
	}
	if (!strcmp(how, "peek")) {
		recv(fd, to, room, MSG_PEEK);
		return read(fd, to, room);
	}
	if (!strcmp(how, "trunc"))
		return recv(fd, to, room, MSG_TRUNC);
	if (!strcmp(how, "rest")) {
		ssize_t there = recv(fd, to, room, MSG_PEEK);
		char *end = there > 0 ? memmem(to, there, "\r\n\r\n", 4) : 0;

		if (end)
			return recv(fd, to, end + 4 - to, 0);
	}
	if (pipe(pipes))
		fail("pipe");
	got = splice(fd, 0, pipes[1], 0, room, 0);
	close(pipes[0]);
	close(pipes[1]);
	return got;
}

/* One message from one end to the other; the bytes that arrived. */
static size_t pass(int from, int to, char **how, size_t piece, const char *bytes)
{
	size_t length = strlen(bytes), sent = 0, got = 0, header;
	const char *send_how = how[0], *end = strstr(bytes, "\r\n\r\n");
	static char buffer[1 << 16];

	while (got < length) {
		if (sent < length) {
			size_t part = piece && piece < length - sent ? piece : length - sent;
			ssize_t n;

			if (!strcmp(how[0], "body")) {
				header = end ? end + 4 - bytes : length;
				send_how = sent < header ? "write" : "sendfile";
				if (sent < header && part > header - sent)
					part = header - sent;
			}
			n = send_some(from, send_how, bytes + sent, part);

			if (n < 0)
				fail("send");
			sent += n;
		}
		while (got < sent) {
			ssize_t n = receive_some(to, how[1], buffer, sizeof(buffer));

			if (n <= 0)
				fail("receive");
			got += n;
		}
	}
	return got;
}

/* The client is gone when the server reads what it asked. */
static size_t late(int ends[2], char **how, const char *request, const char *response)
{
	struct linger now = { 1, 0 };
	static char buffer[1 << 16];
	size_t length = strlen(request);

	if (send_some(ends[0], how[0], request, length) != (ssize_t)length)
		fail("send");
	setsockopt(ends[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(ends[0]);
	if (receive_some(ends[1], how[1], buffer, sizeof(buffer)) != (ssize_t)length)
		fail("receive");
	if (send(ends[1], response, strlen(response), MSG_NOSIGNAL) >= 0)
		fail("not reset");
	return length;
}

/* Both ends have said all that they will when the client reads the response. */
static size_t half(int ends[2], char **how, const char *response)
{
	struct pollfd ended = { .fd = ends[0] };
	static char buffer[1 << 16];
	size_t length = strlen(response);

	shutdown(ends[0], SHUT_WR);
	if (send_some(ends[1], how[0], response, length) != (ssize_t)length)
		fail("send");
	close(ends[1]);
	while (!(ended.revents & POLLHUP))
		if (poll(&ended, 1, -1) < 0)
			fail("poll");
	if (receive_some(ends[0], how[1], buffer, sizeof(buffer)) != (ssize_t)length)
		fail("receive");
	return length;
}

/* The thread goes on on the first of the processors that it may use, or on the last. */
static void move(int last)
{
	cpu_set_t may, one;
	int cpu = last ? CPU_SETSIZE - 1 : 0;

	CPU_ZERO(&one);
	sched_getaffinity(0, sizeof(may), &may);
	while (!CPU_ISSET(cpu, &may))
		cpu += last ? -1 : 1;
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

struct race {
	int listener, count;
	const char *request, *response;
	size_t at_server;
};

static void *resets(void *argument)
{
	struct linger now = { 1, 0 };
	struct race *race = argument;
	size_t length = strlen(race->response);
	char buffer[4096];

	move(1);
	for (int i = 0; i < race->count; i++) {
		int end = accept(race->listener, 0, 0);
		ssize_t got = read(end, buffer, sizeof(buffer));

		if (got <= 0 || send(end, race->response, length, MSG_NOSIGNAL) != (ssize_t)length)
			fail("race");
		race->at_server += got;
		setsockopt(end, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(end);
	}
	return 0;
}

static int race(int count, const char *request, const char *response)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct race race = { .count = count, .request = request, .response = response };
	socklen_t length = sizeof(in);
	size_t at_client = 0;
	char buffer[4096];
	pthread_t server;
	ssize_t got;

	race.listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(race.listener, (void *)&in, sizeof(in)) || listen(race.listener, 8) ||
	    getsockname(race.listener, (void *)&in, &length) || pthread_create(&server, 0, resets, &race))
		fail("race");
	move(0);
	for (int i = 0; i < count; i++) {
		int end = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(end, (void *)&in, sizeof(in)) || send(end, request, strlen(request), MSG_NOSIGNAL) < 0)
			fail("race");
		while ((got = read(end, buffer, sizeof(buffer))) > 0)
			at_client += got;
		close(end);
	}
	pthread_join(server, 0);
	printf("%d %zu %zu\n", getpid(), race.at_server, at_client);
	return 0;
}

/* One conversation; see above for the words. */
static int talk(int argc, char **argv)
{
	size_t piece, at_server = 0, at_client = 0;
	int ends[2], count;

	if (argc < 8)
		return 2;
	piece = atol(argv[4]);
	count = atoi(argv[5]);
	if (argc > 8 && !strcmp(argv[8], "race"))
		return race(count, argv[6], argv[7]);
	connect_pair(argv[1], ends);
	if (strstr(argv[1], "tcp")) {
		int one = 1;

		setsockopt(ends[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(ends[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	for (int i = 0; i < count; i++) {
		if (i == count - 1 && argc > 8 && !strcmp(argv[8], "late")) {
			at_server += late(ends, argv + 2, argv[6], argv[7]);
			ends[0] = -1;
			break;
		}
		if (argc > 8 && !strcmp(argv[8], "early")) {
			size_t before = strlen(argv[6]) > LEFT_BYTES ? strlen(argv[6]) - LEFT_BYTES : 0;
			char *first = strndup(argv[6], before);

			at_server += pass(ends[0], ends[1], argv + 2, piece, first);
			at_client += pass(ends[1], ends[0], argv + 2, piece, argv[7]);
			at_server += pass(ends[0], ends[1], argv + 2, piece, argv[6] + before);
			free(first);
			continue;
		}
		at_server += pass(ends[0], ends[1], argv + 2, piece, argv[6]);
		if (i == count - 1 && argc > 8 && !strcmp(argv[8], "reset")) {
			struct linger now = { 1, 0 };

			setsockopt(ends[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
			break;
		}
		if (i == count - 1 && argc > 8 && !strcmp(argv[8], "gone")) {
			char rest;

			close(ends[1]);
			if (read(ends[0], &rest, 1))
				fail("the end");
			ends[1] = -1;
			break;
		}
		if (i == count - 1 && argc > 8 && !strcmp(argv[8], "half")) {
			at_client += half(ends, argv + 2, argv[7]);
			ends[1] = -1;
			break;
		}
		at_client += pass(ends[1], ends[0], argv + 2, piece, argv[7]);
		if (argc > 8 && !strcmp(argv[8], "shut")) {
			char rest;

			shutdown(ends[1], SHUT_WR);
			if (read(ends[0], &rest, 1))
				fail("the end");
		}
	}
	if (argc > 8 && !strcmp(argv[8], "idle")) {
		char more;

		if (recv(ends[0], &more, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN)
			fail("idle");
		printf("%d %zu %zu\n", getpid(), at_server, at_client);
		fflush(stdout);
		return read(0, &more, 1) != 0;
	}
	close(ends[0]);
	close(ends[1]);
	printf("%d %zu %zu\n", getpid(), at_server, at_client);
	return 0;
}

/* Conversations from stdin, each word with a zero byte behind it and each conversation with one more: a process each. */
static int talks(void)
{
	static char input[1 << 20];
	size_t length = fread(input, 1, sizeof(input) - 1, stdin);
	char *words[16] = { "talk" };
	int count = 1;

	for (char *at = input; at < input + length; at += strlen(at) + 1) {
		if (*at) {
			if (count == 15)
				return 2;
			words[count++] = at;
			continue;
		}
		words[count] = 0;
		fflush(stdout);
		pid_t child = fork();
		if (!child) {
			int status = talk(count, words);

			fflush(stdout);
			_exit(status);
		}
		if (child < 0 || waitpid(child, 0, 0) != child)
			return 1;
		count = 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	return argc == 1 ? talks() : talk(argc, argv);
}

// SPDX-License-Identifier: Apache-2.0
// pairs PAIRS REQUESTS [FAMILY]: so many clients, each with a server and a connection of its own, all at once and each a
// process: they take turns on the processors, also in the middle of a call. Each client numbers its requests, and waits for
// each answer. FAMILY: tcp (loopback) or unix. Prints how many answers came.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(int wrong, const char *what)
{
	if (!wrong)
		return;
	perror(what);
	_exit(1);
}

static void ends(int unix_pair, int to[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listening, on = 1;

	if (unix_pair) {
		check(socketpair(AF_UNIX, SOCK_STREAM, 0, to), "socketpair");
		return;
	}
	listening = socket(AF_INET, SOCK_STREAM, 0);
	check(bind(listening, (void *)&address, length) || listen(listening, 1), "listen");
	check(getsockname(listening, (void *)&address, &length), "getsockname");
	to[0] = socket(AF_INET, SOCK_STREAM, 0);
	check(connect(to[0], (void *)&address, length), "connect");
	to[1] = accept(listening, 0, 0);
	check(to[1] < 0, "accept");
	close(listening);
	setsockopt(to[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(to[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void serve(int end)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	char buffer[512];

	while (read(end, buffer, sizeof(buffer)) > 0)
		check(write(end, answer, sizeof(answer) - 1) < 0, "write");
	_exit(0);
}

static int ask(int end, int requests)
{
	char buffer[512];
	int answers = 0;

	for (int i = 0; i < requests; i++) {
		int length = snprintf(buffer, sizeof(buffer), "GET /items/%d HTTP/1.1\r\nHost: here\r\n\r\n", i);

		check(write(end, buffer, length) != length, "write");
		answers += read(end, buffer, sizeof(buffer)) > 0;
	}
	return answers;
}

int main(int argc, char **argv)
{
	int pairs = atoi(argv[1]), requests = atoi(argv[2]), unix_pair = argc > 3 && !strcmp(argv[3], "unix");
	int said[2], begin[2], answers = 0, some;
	char word;

	check(pipe(said) || pipe(begin), "pipe");
	for (int i = 0; i < pairs; i++) {
		int end[2];

		ends(unix_pair, end);
		if (!fork()) {
			close(begin[1]);
			close(end[0]);
			serve(end[1]);
		}
		close(end[1]);
		if (!fork()) {
			close(begin[1]);
			read(begin[0], &word, 1);
			some = ask(end[0], requests);
			check(write(said[1], &some, sizeof(some)) != sizeof(some), "write");
			_exit(0);
		}
		close(end[0]);
	}
	close(begin[1]);
	close(said[1]);
	while (read(said[0], &some, sizeof(some)) == sizeof(some))
		answers += some;
	while (wait(0) > 0)
		;
	printf("%d\n", answers);
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * A process that does on demand what the catalogue's probes watch, and says what it cost.
 *
 *     deeds              reads lines DEED COUNT BURST PAUSE, answers each with {"done":…,"cpuNs":…}
 *
 * After each BURST it sleeps PAUSE microseconds, so that whoever watches can empty a buffer: to lose an event is cheaper
 * than to tell of it, and would pass for speed.
 *
 * The processor time is its own and its children's, by the kernel's account (getrusage), which holds what the kernel
 * and the probes did on its behalf. Linked statically: an exec of it is an exec and little else.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void need(int fine, const char *what)
{
	if (fine)
		return;
	perror(what);
	exit(1);
}

static unsigned long long spent(int who)
{
	struct rusage r;

	getrusage(who, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000000ULL + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1000ULL;
}

static void open_close(unsigned long count)
{
	while (count--) {
		int fd = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);

		need(fd >= 0, "open");
		close(fd);
	}
}

static void execute(unsigned long count)
{
	char *const args[] = { "deeds", "end", 0 };

	while (count--) {
		int status, pid = vfork();

		if (pid == 0) {
			execv("/proc/self/exe", args);
			_exit(127);
		}
		need(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "exec");
	}
}

static void fork_exit(unsigned long count)
{
	while (count--) {
		int status, pid = vfork();

		if (pid == 0)
			_exit(0);
		need(pid > 0 && waitpid(pid, &status, 0) == pid, "fork");
	}
}

/* Connections on loopback, taken by itself and reset, which leaves nothing in TIME_WAIT. */
static void connect_close(unsigned long count)
{
	static int listener = -1;
	static struct sockaddr_in at = { .sin_family = AF_INET };
	struct linger hard = { .l_onoff = 1 };
	socklen_t size = sizeof(at);

	if (listener < 0) {
		listener = socket(AF_INET, SOCK_STREAM, 0);
		at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		need(!bind(listener, (void *)&at, size) && !listen(listener, 16), "listen");
		getsockname(listener, (void *)&at, &size);
	}
	while (count--) {
		int fd = socket(AF_INET, SOCK_STREAM, 0), peer;

		need(!connect(fd, (void *)&at, sizeof(at)), "connect");
		peer = accept(listener, 0, 0);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		close(fd);
		close(peer);
	}
}

/* The capability is asked for before the length is looked at, which is refused. */
static void ask_capability(unsigned long count)
{
	while (count--)
		need(syscall(SYS_sethostname, "", -1) == -1 && errno == EINVAL, "sethostname");
}

static void read_file(unsigned long count)
{
	static int fd = -1;
	char byte;

	if (fd < 0)
		fd = open("/proc/self/exe", O_RDONLY);
	while (count--)
		need(pread(fd, &byte, 1, 0) == 1, "pread");
}

/* Milliseconds of work for the sampling clock. */
static void spin(unsigned long count)
{
	unsigned long long until = spent(RUSAGE_SELF) + count * 1000000;

	while (spent(RUSAGE_SELF) < until)
		for (volatile int i = 0; i < 10000; i++)
			;
}

static const struct {
	const char *name;
	void (*act)(unsigned long count);
} deeds[] = {
	{ "open", open_close }, { "exec", execute },          { "exit", fork_exit }, { "connect", connect_close },
	{ "read", read_file },  { "capability", ask_capability }, { "spin", spin },
};

int main(int argc, char **argv)
{
	char name[32];
	unsigned long count, burst, pause;

	if (argc > 1)
		return 0;
	prctl(PR_SET_NAME, "skepdeeds");
	while (scanf("%31s %lu %lu %lu", name, &count, &burst, &pause) == 4) {
		unsigned long long before = spent(RUSAGE_SELF) + spent(RUSAGE_CHILDREN);
		unsigned int i = 0;

		while (i < sizeof(deeds) / sizeof(*deeds) && strcmp(deeds[i].name, name))
			i++;
		need(i < sizeof(deeds) / sizeof(*deeds), name);
		for (unsigned long done = 0; done < count; done += burst) {
			deeds[i].act(burst);
			usleep(pause);
		}
		printf("{\"done\":%lu,\"cpuNs\":%llu}\n", count,
		       spent(RUSAGE_SELF) + spent(RUSAGE_CHILDREN) - before);
		fflush(stdout);
	}
	return 0;
}

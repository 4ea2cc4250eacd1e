// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A program of 32 bits on x86-64 that is both ends of socket pairs: one request and its response for each of its ways to
 * send and receive, by the numbers and structures of 32-bit system calls. Without a C library, since none for 32 bits is
 * installed; fixtures.ts compiles it so.
 *
 * Prints its process id.
 */
#define REQUEST "GET /thirty/two HTTP/1.1\r\nHost: here\r\n\r\n"
#define RESPONSE "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* arch/x86/entry/syscalls/syscall_32.tbl */
enum {
	EXIT = 1,
	READ = 3,
	WRITE = 4,
	CLOSE = 6,
	GETPID = 20,
	SOCKETCALL = 102,
	READV = 145,
	WRITEV = 146,
	RECVMMSG = 337,
	SENDMMSG = 345,
	SENDTO = 369,
	SENDMSG = 370,
	RECVFROM = 371,
	RECVMSG = 372,
};
/* include/uapi/linux/net.h: what socketcall is to do. */
enum { SYS_SOCKETPAIR = 8, SYS_SEND = 9, SYS_RECV = 10, SYS_SENDMSG = 16, SYS_RECVMSG = 17 };

struct iovec {
	void *base;
	unsigned long length;
};
struct msghdr {
	void *name;
	int name_length;
	struct iovec *iov;
	unsigned long parts;
	void *control;
	unsigned long control_length;
	unsigned int flags;
};
struct mmsghdr {
	struct msghdr header;
	unsigned int length;
};
_Static_assert(sizeof(struct mmsghdr) == 32, "this is a program of 32 bits");

static long call(long number, long a, long b, long c, long d, long e)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
	return result;
}

static long socketcall(int what, long a, long b, long c, long d)
{
	long args[4] = { a, b, c, d };

	return call(SOCKETCALL, what, (long)args, 0, 0, 0);
}

enum way { PLAIN, VECTORS, MESSAGE, MESSAGES, TO, OLD, OLD_MESSAGE, WAYS };

/* Sends or receives all of `length` bytes, in two parts where the way has parts. */
static long move(enum way way, int send, int fd, char *bytes, long length)
{
	struct iovec parts[2] = { { bytes, 7 }, { bytes + 7, length - 7 } };
	struct mmsghdr message = { { 0, 0, parts, 2, 0, 0, 0 }, 0 };

	switch (way) {
	case PLAIN:
		return call(send ? WRITE : READ, fd, (long)bytes, length, 0, 0);
	case VECTORS:
		return call(send ? WRITEV : READV, fd, (long)parts, 2, 0, 0);
	case MESSAGE:
		return call(send ? SENDMSG : RECVMSG, fd, (long)&message, 0, 0, 0);
	case MESSAGES:
		return call(send ? SENDMMSG : RECVMMSG, fd, (long)&message, 1, 0, 0) == 1 ? message.length : -1;
	case TO:
		return call(send ? SENDTO : RECVFROM, fd, (long)bytes, length, 0, 0);
	case OLD:
		return socketcall(send ? SYS_SEND : SYS_RECV, fd, (long)bytes, length, 0);
	default:
		return socketcall(send ? SYS_SENDMSG : SYS_RECVMSG, fd, (long)&message, 0, 0);
	}
}

static char request[] = REQUEST, response[] = RESPONSE, heard[256];

static int talk(enum way way)
{
	int ends[2];

	if (socketcall(SYS_SOCKETPAIR, 1, 1, 0, (long)ends))
		return 1;
	if (move(way, 1, ends[0], request, sizeof(request) - 1) != sizeof(request) - 1 ||
	    move(way, 0, ends[1], heard, sizeof(request) - 1) != sizeof(request) - 1 ||
	    move(way, 1, ends[1], response, sizeof(response) - 1) != sizeof(response) - 1 ||
	    move(way, 0, ends[0], heard, sizeof(response) - 1) != sizeof(response) - 1)
		return 1;
	call(CLOSE, ends[0], 0, 0, 0, 0);
	call(CLOSE, ends[1], 0, 0, 0, 0);
	return 0;
}

void _start(void)
{
	char digits[12];
	int at = sizeof(digits), failed = 0;

	for (int way = 0; way < WAYS && !failed; way++)
		failed = talk(way) ? way + 1 : 0;
	digits[--at] = '\n';
	for (long pid = call(GETPID, 0, 0, 0, 0, 0); pid; pid /= 10)
		digits[--at] = '0' + pid % 10;
	call(WRITE, 1, (long)&digits[at], sizeof(digits) - at, 0, 0);
	call(EXIT, failed, 0, 0, 0, 0);
}

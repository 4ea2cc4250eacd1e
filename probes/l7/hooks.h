/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * hooks.h: where a probe sees what sockets send and receive, best first.
 *
 *   events_preempted
 *                 the events of sockets where a program may be preempted (7.0), with others that stand in for those that were
 *   events        the events of sockets (6.3): no trampoline, nothing is paid for files and pipes
 *   fentry        the functions of TCP and Unix sockets; what is known of a connection is in the socket (5.11)
 *   fentry_lru    the same, for kernels that do not let tracing programs use a socket's storage
 *   syscalls_unix the system calls, where there are no trampolines, and a kprobe for the end of Unix sockets
 *   syscalls      the system calls, where there are no kprobes either
 *   kprobe        the same functions as fentry. A kernel sees so many calls return at a time as it has processors (10 at
 *                 least where it is preemptible), and those that wait for bytes are among them: the last choice
 *   …_sendpage    fentry, fentry_lru and kprobe with the functions that sendfile calls until Linux 6.4
 *
 * A protocol's header defines
 *   int l7_traffic(struct sock *sk, enum l7_direction direction, int result, int flags, bool stored, int behind)
 *   int l7_tcp_state(struct sock *sk, int from, int state, bool stored)
 *   int l7_closed(struct sock *sk, bool stored)
 * and includes this one behind them.
 */
#ifndef SKEP_L7_HOOKS_H
#define SKEP_L7_HOOKS_H

/* One copy of the code for each way to keep connections, called by all entries. */
static __noinline int l7_stored(struct sock *sk, enum l7_direction direction, int result, int flags)
{
	return l7_traffic(sk, direction, result, flags, true, L7_WITHIN);
}

static __noinline int l7_addressed(struct sock *sk, enum l7_direction direction, int result, int flags, int behind)
{
	return l7_traffic(sk, direction, result, flags, false, behind);
}

/* Until Linux 6.4 sendfile has functions of its own: rungs that have those as well are better, where there are any. */
#define L7_RUNG_FENTRY SKEP_RUNG(traffic, 3, fentry_sendpage) SKEP_RUNG(traffic, 4, fentry)
#define L7_RUNG_FENTRY_LRU SKEP_RUNG(traffic, 5, fentry_lru_sendpage) SKEP_RUNG(traffic, 6, fentry_lru)
#define L7_RUNG_SYSCALLS_UNIX SKEP_RUNG(traffic, 7, syscalls_unix)
#define L7_RUNG_SYSCALLS L7_RUNG_SYSCALLS_UNIX SKEP_RUNG(traffic, 8, syscalls)
#define L7_RUNG_KPROBE SKEP_RUNG(traffic, 9, kprobe_sendpage) SKEP_RUNG(traffic, 10, kprobe)

#include "hooks-events.h"
#include "hooks-functions.h"
#include "hooks-syscalls.h"

#endif /* SKEP_L7_HOOKS_H */

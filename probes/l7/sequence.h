/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * sequence.h: TCP's own count of what was sent and read. What went past the hooks shows in it.
 */
#ifndef SKEP_L7_SEQUENCE_H
#define SKEP_L7_SEQUENCE_H

#include "connection.h"

static __always_inline __u32 l7_sent(struct sock *sk)
{
	return BPF_CORE_READ((struct tcp_sock *)sk, write_seq);
}

/* SOCK_DONE of enum sock_flags: the other end's FIN has come. */
#define L7_SOCK_DONE 1

/* The other end's FIN takes a number of its own, once everything before it has been read. */
static __always_inline __u32 l7_read_of(struct sock *sk)
{
	__u32 read = BPF_CORE_READ((struct tcp_sock *)sk, copied_seq);
	bool ended = BPF_CORE_READ(sk, __sk_common.skc_flags) >> L7_SOCK_DONE & 1;

	return read - (ended && read == BPF_CORE_READ((struct tcp_sock *)sk, rcv_nxt));
}

/* Has anything come that is yet to be read? */
static __always_inline bool l7_unread(struct sock *sk, struct l7_connection *c)
{
	return c->numbered && l7_read_of(sk) != BPF_CORE_READ((struct tcp_sock *)sk, rcv_nxt) -
						(BPF_CORE_READ(sk, __sk_common.skc_flags) >> L7_SOCK_DONE & 1);
}

static __always_inline __u32 l7_sequence(struct sock *sk, enum l7_direction direction)
{
	return direction == L7_SEND ? l7_sent(sk) : l7_read_of(sk);
}

#define L7_IPPROTO_TCP 6

struct tcp_ulp_ops___l7 {
	char name[16];
} __attribute__((preserve_access_index));
struct inet_connection_sock___l7 {
	struct tcp_ulp_ops___l7 *icsk_ulp_ops;
} __attribute__((preserve_access_index));

/*
 * Does TCP count the very bytes that calls on this socket move? MPTCP's socket has no such numbers, its parts have; and
 * where the kernel encrypts (TLS as upper layer) they count what is on the wire.
 */
static __always_inline bool l7_is_numbered(struct sock *sk, __u16 family)
{
	struct tcp_ulp_ops___l7 *upper;
	__u32 name = 0;

	if (family == L7_AF_UNIX || BPF_CORE_READ(sk, sk_protocol) != L7_IPPROTO_TCP)
		return false;
	upper = BPF_CORE_READ((struct inet_connection_sock___l7 *)sk, icsk_ulp_ops);
	if (upper)
		bpf_probe_read_kernel(&name, sizeof(name), &upper->name);
	return name != ('t' | 'l' << 8 | 's' << 16);
}

/* To ask for the kernel's number of a whole type would take all that is in it into the image. */
struct tcp_sock___l7 {
	__u32 write_seq;
	__u32 copied_seq;
} __attribute__((preserve_access_index));

/* The same where the verifier knows what `sk` points to: one call less for each, and none that copies. */
static __always_inline __u32 l7_sequence_of(struct sock *sk, enum l7_direction direction, bool trusted)
{
	struct tcp_sock___l7 *tcp;

	if (!trusted)
		return l7_sequence(sk, direction);
	if (L7_CASTS())
		tcp = sk->sk_protocol == L7_IPPROTO_TCP ? L7_CAST(sk, struct tcp_sock___l7) : 0;
	else
		tcp = (struct tcp_sock___l7 *)bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	return direction == L7_SEND ? tcp->write_seq : tcp->copied_seq;
}

#define L7_SHUT_RECEIVE 1
#define L7_SHUT_SEND 2
#define L7_SHUT_BOTH 3

/* The end of what a socket sends has a number too, once it is told. */
static __always_inline bool l7_has_told_end(struct sock *sk, enum l7_direction direction)
{
	return direction == L7_SEND && BPF_CORE_READ(sk, sk_shutdown) & L7_SHUT_SEND;
}

struct tcp_sock___moved {
	__u64 bytes_received;
	__u64 bytes_sent;
} __attribute__((preserve_access_index));

/* All bytes that TCP has moved in a direction; the end of what comes counts as one. */
static __always_inline __u64 l7_moved(struct sock *sk, enum l7_direction direction)
{
	struct tcp_sock___moved *tcp = (void *)sk;

	return direction == L7_RECEIVE ? BPF_CORE_READ(tcp, bytes_received) : BPF_CORE_READ(tcp, bytes_sent);
}

/* From here on a difference is one backwards: a hook on another processor has just told of more, or the end was counted. */
#define L7_BACK 0xf0000000

/*
 * Bytes that a direction moved past the hooks since its last message, within a body: sendfile before Linux 6.5, splice from
 * TCP, zero-copy receive. Of more than 4 GiB, what is more than that, see l7_settle_here().
 */
static __always_inline __u32 l7_gap(struct sock *sk, struct l7_connection *c, enum l7_direction direction)
{
	struct http1_stream *s = &c->stream[direction & 1];
	__u32 gap;

	if (!c->numbered || c->protocol != L7_HTTP1 ||
	    (s->state != HTTP1_BODY && s->state != HTTP1_CHUNK && s->state != HTTP1_CLOSE))
		return 0;
	gap = l7_sequence(sk, direction) - l7_has_told_end(sk, direction) - c->sequence[direction & 1];
	return gap < L7_BACK || gap == (__u32)s->remain ? gap : 0;
}

/* Had what a call tells of, behind its last message, been sent when the socket's sequence was at `sequence`? */
static __always_inline bool l7_sent_before(struct l7_connection *c, __u32 sequence)
{
	return (__s32)(c->sequence[L7_SEND] - sequence) < 0;
}

#endif /* SKEP_L7_SEQUENCE_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the TCP probes share. All of them hook inet_sock_set_state, which exists since 4.16 and says for each TCP socket
 * that its state changes: no kprobe is needed. As tp_btf or raw_tp no record is made of it; everything is read from the
 * socket, so all three say the same.
 */
#ifndef SKEP_PROBES_TCP_H
#define SKEP_PROBES_TCP_H

SKEP_PARAM_PORTS(target_port, 64, "only connections to these remote ports");

#define PROTOCOL_TCP 6 /* IPPROTO_TCP; MPTCP and SCTP sockets pass this hook as well */

#define FAMILY_IPV4 2 /* AF_INET */

static __always_inline bool tcp_socket(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_protocol) == PROTOCOL_TCP;
}

/* The remote port, in host order. */
static __always_inline __u16 tcp_port(struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

static __always_inline void tcp_map_ipv4(ip_addr *to, __be32 address)
{
	__builtin_memset(to, 0, sizeof(*to));
	to->byte[10] = to->byte[11] = 0xff;
	__builtin_memcpy(&to->byte[12], &address, sizeof(address));
}

/* Addresses: an IPv4 one is mapped (::ffff:a.b.c.d). */
static __always_inline void tcp_remote(ip_addr *to, struct sock *sk)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == FAMILY_IPV4)
		tcp_map_ipv4(to, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	else if (bpf_core_field_exists(sk->__sk_common.skc_v6_daddr))
		BPF_CORE_READ_INTO(to, sk, __sk_common.skc_v6_daddr);
}

static __always_inline void tcp_local(ip_addr *to, struct sock *sk)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == FAMILY_IPV4)
		tcp_map_ipv4(to, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
	else if (bpf_core_field_exists(sk->__sk_common.skc_v6_rcv_saddr))
		BPF_CORE_READ_INTO(to, sk, __sk_common.skc_v6_rcv_saddr);
}

/* The hook in its three forms, for a body `int body(void *ctx, struct sock *sk, int from, int to)` that is told of each change. */
#define TCP_STATES(body)                                                                                      \
	SKEP_RUNG(state, 1, tp_btf)                                                                           \
	SKEP_TP_BTF(inet_sock_set_state, body##_tp_btf, struct sock *sk, int from, int to)                    \
	{                                                                                                     \
		return body(ctx, sk, from, to);                                                               \
	}                                                                                                     \
	SKEP_RUNG(state, 2, raw_tp)                                                                           \
	SKEP_RAW_TP(inet_sock_set_state, body##_raw_tp, struct sock *sk, int from, int to)                    \
	{                                                                                                     \
		return body(ctx, sk, from, to);                                                               \
	}                                                                                                     \
	SKEP_RUNG(state, 3, tracepoint) SEC("tracepoint/sock/inet_sock_set_state")                            \
	int body##_tracepoint(struct trace_event_raw_inet_sock_set_state *ctx)                                \
	{                                                                                                     \
		return body(ctx, (struct sock *)ctx->skaddr, ctx->oldstate, ctx->newstate);                   \
	}

#endif /* SKEP_PROBES_TCP_H */

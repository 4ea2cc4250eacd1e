/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the TCP probes share. All of them hook sock/inet_sock_set_state, which exists since 4.16 and says for each TCP
 * socket that its state changes: no kprobe is needed.
 */
#ifndef SKEP_PROBES_TCP_H
#define SKEP_PROBES_TCP_H

SKEP_PARAM(__u16, target_port, 0, "only connections to this remote port (0: every port)");

#define PROTOCOL_TCP 6 /* IPPROTO_TCP; MPTCP and SCTP sockets pass this hook as well */

static __always_inline bool tcp_becomes(const struct trace_event_raw_inet_sock_set_state *ctx, int state)
{
	return ctx->protocol == PROTOCOL_TCP && ctx->newstate == state;
}

/*
 * The hook gives both families 16 bytes; an IPv4 address is mapped (::ffff:a.b.c.d). The verifier lets a program read
 * the hook's record at constant offsets only, which a copy of an array is not always compiled to: so by helper.
 */
static __always_inline void tcp_address(ip_addr *to, const __u8 *from)
{
	bpf_probe_read_kernel(to, sizeof(*to), from);
}

#endif /* SKEP_PROBES_TCP_H */

// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * TCP connections that processes on this machine open, IPv4 and IPv6.
 *
 * A socket's state becomes SYN_SENT inside connect(2), so the current task is the one that connects. The local port is
 * not chosen yet.
 */
#include "skep.h"
#include "skep_filter.h"
#include "../tcp.h"

struct connect {
	__u32 pid SKEP_HELP("process id");
	user_id_t uid SKEP_HELP("user");
	char comm[16] SKEP_HELP("command name");
	ip_addr saddr SKEP_HELP("local address");
	ip_addr daddr SKEP_HELP("remote address");
	__u16 dport SKEP_HELP("remote port");
};

struct peer {
	char comm[16];
	ip_addr daddr;
	__u32 dport;
};

SKEP_RINGBUF(print_connects, struct connect, 256 * 1024) SKEP_HELP("one row a connection attempt");
SKEP_HASH(counter_tcp_connects, struct peer, __u64, 10240) SKEP_HELP("TCP connections that were begun.");

SEC("tracepoint/sock/inet_sock_set_state")
int set_state(struct trace_event_raw_inet_sock_set_state *ctx)
{
	struct peer peer = {};
	struct connect *e;

	if (!tcp_becomes(ctx, TCP_SYN_SENT) || !skep_watched())
		return 0;
	if (target_port && ctx->dport != target_port)
		return 0;
	bpf_get_current_comm(peer.comm, sizeof(peer.comm));
	tcp_address(&peer.daddr, ctx->daddr_v6);
	peer.dport = ctx->dport;
	skep_add(&counter_tcp_connects, &peer, 1);

	e = skep_reserve(print_connects, struct connect);
	if (!e)
		return 0;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->uid = bpf_get_current_uid_gid();
	__builtin_memcpy(e->comm, peer.comm, sizeof(e->comm));
	tcp_address(&e->saddr, ctx->saddr_v6);
	e->daddr = peer.daddr;
	e->dport = ctx->dport;
	skep_submit(e);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

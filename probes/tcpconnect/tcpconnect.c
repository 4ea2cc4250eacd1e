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

SKEP_EVENTS(print_connects, struct connect, 256 * 1024) SKEP_HELP("one row a connection attempt");
SKEP_HASH(counter_tcp_connects, struct peer, __u64, 10240) SKEP_HELP("TCP connections that were begun.");

static __always_inline int set_state(void *ctx, struct sock *sk, int from, int to)
{
	struct peer peer = {};
	struct connect *e;

	if (to != TCP_SYN_SENT || !tcp_socket(sk) || !skep_watched())
		return 0;
	peer.dport = tcp_port(sk);
	if (!skep_in(target_port, peer.dport))
		return 0;
	bpf_get_current_comm(peer.comm, sizeof(peer.comm));
	tcp_remote(&peer.daddr, sk);
	skep_add(&counter_tcp_connects, &peer, 1);

	e = skep_begin(print_connects);
	if (!e)
		return 0;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->uid = bpf_get_current_uid_gid();
	__builtin_memcpy(e->comm, peer.comm, sizeof(e->comm));
	__builtin_memset(&e->saddr, 0, sizeof(e->saddr));
	tcp_local(&e->saddr, sk);
	e->daddr = peer.daddr;
	e->dport = peer.dport;
	skep_send(ctx, print_connects, e);
	return 0;
}

TCP_STATES(set_state)

char LICENSE[] SEC("license") = "Dual BSD/GPL";

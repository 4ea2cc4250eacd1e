// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * TCP connections that are open now, by remote address and port; only those that were begun on this machine while the
 * probe ran.
 *
 * A socket is remembered when it connects, since only then is the current task the one that connects, counted when it
 * is established and given back when it closes. What is given back is what was counted: the gauge cannot drift.
 */
#include "skep.h"
#include "skep_filter.h"
#include "../tcp.h"

struct peer {
	ip_addr daddr;
	__u32 dport;
};

struct connection {
	struct peer peer;
	__u32 established;
};

SKEP_HASH(connections, __u64, struct connection, 65536);
SKEP_HASH(gauge_tcp_active_connections, struct peer, __u64, 10240)
	SKEP_HELP("TCP connections open now that were begun here.");

static __always_inline void remember(struct sock *sk, __u64 socket)
{
	struct connection connection = {};

	if (!skep_watched())
		return;
	connection.peer.dport = tcp_port(sk);
	if (!skep_in(target_port, connection.peer.dport))
		return;
	tcp_remote(&connection.peer.daddr, sk);
	if (bpf_map_update_elem(&connections, &socket, &connection, BPF_ANY))
		__sync_fetch_and_add(&gauge_tcp_active_connections_lost, 1);
}

static __always_inline void forget(__u64 socket, struct connection *connection)
{
	struct peer peer = connection->peer;
	__u64 *open = connection->established ? bpf_map_lookup_elem(&gauge_tcp_active_connections, &peer) : 0;

	if (open)
		__sync_fetch_and_add(open, -1);
	bpf_map_delete_elem(&connections, &socket);
}

static __always_inline int set_state(void *ctx, struct sock *sk, int from, int to)
{
	__u64 socket = (__u64)sk;
	struct connection *connection;

	if (to == TCP_SYN_SENT) {
		if (tcp_socket(sk))
			remember(sk, socket);
		return 0;
	}
	connection = bpf_map_lookup_elem(&connections, &socket);
	if (!connection)
		return 0;
	if (to == TCP_ESTABLISHED) {
		struct peer peer = connection->peer;

		connection->established = 1;
		skep_add(&gauge_tcp_active_connections, &peer, 1);
	} else if (to == TCP_CLOSE) {
		forget(socket, connection);
	}
	return 0;
}

TCP_STATES(set_state)

char LICENSE[] SEC("license") = "Dual BSD/GPL";

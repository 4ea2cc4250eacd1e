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

static __always_inline void remember(struct trace_event_raw_inet_sock_set_state *ctx, __u64 socket)
{
	struct connection connection = {};

	if (!skep_watched())
		return;
	tcp_address(&connection.peer.daddr, ctx->daddr_v6);
	connection.peer.dport = ctx->dport;
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

SEC("tracepoint/sock/inet_sock_set_state")
int set_state(struct trace_event_raw_inet_sock_set_state *ctx)
{
	__u64 socket = (__u64)ctx->skaddr;
	struct connection *connection;

	if (target_port && ctx->dport != target_port)
		return 0;
	if (tcp_becomes(ctx, TCP_SYN_SENT)) {
		remember(ctx, socket);
		return 0;
	}
	connection = bpf_map_lookup_elem(&connections, &socket);
	if (!connection)
		return 0;
	if (ctx->newstate == TCP_ESTABLISHED) {
		struct peer peer = connection->peer;

		connection->established = 1;
		skep_add(&gauge_tcp_active_connections, &peer, 1);
	} else if (ctx->newstate == TCP_CLOSE) {
		forget(socket, connection);
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * How long a TCP connection takes to be established: from the SYN to the answer, which is the network's and the
 * remote kernel's time, not the remote program's.
 *
 * The answer arrives in a softirq, under whatever task happens to run: who connects is remembered at the SYN.
 */
#include "skep.h"
#include "skep_filter.h"
#include "../tcp.h"

SKEP_PARAM(duration_ns, min_latency, 0, "print only connections that took at least this long");

struct connected {
	__u32 pid SKEP_HELP("process id");
	char comm[16] SKEP_HELP("command name");
	ip_addr daddr SKEP_HELP("remote address");
	__u16 dport SKEP_HELP("remote port");
	bool refused SKEP_HELP("whether the connection came to nothing");
	duration_ns latency SKEP_HELP("from SYN to SYN-ACK, or to the failure");
};

struct attempt {
	__u64 started;
	__u32 pid;
	char comm[16];
};

#define SLOTS 32 /* up to 2^31 us; TCP gives up after about two minutes */

struct slots {
	__u64 slots[SLOTS];
};

SKEP_LRU_HASH(attempts, __u64, struct attempt, 10240);
SKEP_EVENTS(print_tcp_connected, struct connected, 256 * 1024) SKEP_HELP("one row a finished attempt");
SKEP_ARRAY(hist_tcp_connect_latency, struct slots, 1) SKEP_UNIT("us")
	SKEP_HELP("Time that established TCP connections took.");

static __always_inline void observe(__u64 ns)
{
	__u32 zero = 0;
	struct slots *slots = bpf_map_lookup_elem(&hist_tcp_connect_latency, &zero);

	if (!slots)
		return;
	__sync_fetch_and_add(&slots->slots[skep_slot(ns / 1000, SLOTS)], 1);
}

static __always_inline void begin(__u64 socket)
{
	struct attempt attempt = { .started = bpf_ktime_get_ns() };

	if (!skep_watched())
		return;
	attempt.pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(attempt.comm, sizeof(attempt.comm));
	bpf_map_update_elem(&attempts, &socket, &attempt, BPF_ANY);
}

static __always_inline void end(void *ctx, struct sock *sk, bool refused, struct attempt *attempt)
{
	__u64 latency = bpf_ktime_get_ns() - attempt->started;
	struct connected *e;

	if (!refused)
		observe(latency);
	if (latency < min_latency)
		return;
	e = skep_begin(print_tcp_connected);
	if (!e)
		return;
	e->pid = attempt->pid;
	__builtin_memcpy(e->comm, attempt->comm, sizeof(e->comm));
	__builtin_memset(&e->daddr, 0, sizeof(e->daddr));
	tcp_remote(&e->daddr, sk);
	e->dport = tcp_port(sk);
	e->refused = refused;
	e->latency = latency;
	skep_send(ctx, print_tcp_connected, e);
}

static __always_inline int set_state(void *ctx, struct sock *sk, int from, int to)
{
	__u64 socket = (__u64)sk;
	struct attempt *attempt;

	if (to == TCP_SYN_SENT) {
		if (tcp_socket(sk) && skep_in(target_port, tcp_port(sk)))
			begin(socket);
		return 0;
	}
	if (from != TCP_SYN_SENT)
		return 0;
	attempt = bpf_map_lookup_elem(&attempts, &socket);
	if (!attempt)
		return 0;
	end(ctx, sk, to != TCP_ESTABLISHED, attempt);
	bpf_map_delete_elem(&attempts, &socket);
	return 0;
}

TCP_STATES(set_state)

char LICENSE[] SEC("license") = "Dual BSD/GPL";

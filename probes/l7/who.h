/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * who.h: whose message it is, whether anybody asked for it, and who is at the other end.
 *
 * A service is a number that the agent gives to processes (l7_services); one that it has not given yet is the process
 * itself, told apart by its highest bit. A peer is likewise a service of this machine, or a hash that stands for an
 * address and a port (l7_peers).
 */
#ifndef SKEP_L7_WHO_H
#define SKEP_L7_WHO_H

#include "skep_filter.h"

SKEP_PARAM_PORTS(target_port, 64, "only connections to these ports of servers");
SKEP_PARAM_LIST(target_netns, __u32, 64, "only sockets of these network namespaces, by inode");
SKEP_PARAM_LIST(target_exe, __u64, 64, "only processes that run these files, by inode");
SKEP_PARAM(bool, callers, true, "whether requests are counted by the address of a caller that is not on this machine");
SKEP_PARAM(__u32, own_pid, 0, "the process that watches: of its sockets only Unix ones are looked at");

#define L7_SOCK_STREAM 1

#define L7_PROCESS 0x80000000u	/* a service's number: this bit and a tgid */
#define L7_SELF 0x7fffffffu	/* the watching process's own */

SKEP_HASH(l7_services, __u32, __u32, 32768) SKEP_HELP("the number of a process's service");

static __always_inline __u32 l7_service_of(__u32 process)
{
	__u32 *known = bpf_map_lookup_elem(&l7_services, &process);

	if (own_pid && process == own_pid)
		return L7_SELF;
	return known ? *known : process | L7_PROCESS;
}

static __always_inline bool l7_exe_watched(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return skep_any(target_exe) || skep_listed(target_exe, BPF_CORE_READ(task, mm, exe_file, f_inode, i_ino));
}

/* Did anybody ask for the current process's messages on this socket? Ports are asked when it is known who serves. */
static __noinline bool l7_watched(struct sock *sk, __u32 process, bool unix_socket)
{
	if (own_pid && process == own_pid)
		return unix_socket;
	return skep_watched() && l7_exe_watched() &&
	       (skep_any(target_netns) || skep_listed(target_netns, BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum)));
}

struct l7_address {
	ip_addr ip;
	__u32 port; /* of the end that serves; 0 for one that calls */
	__u32 pad;
};

#define L7_PEER_SERVICE (1ULL << 56)	/* and its number */
#define L7_PEER_ADDRESS (2ULL << 56)	/* and a hash, the key of l7_peers */
#define L7_PEER_OTHER (3ULL << 56)	/* one too many */
#define L7_PEER_MASK ((1ULL << 56) - 1)

SKEP_HASH(l7_peers, __u64, struct l7_address, 8192) SKEP_HELP("addresses of peers, by hash");
SKEP_HASH(l7_callers, __u64, __u8, 256) SKEP_HELP("callers from other machines that are told apart; more are one");
SKEP_LRU_HASH(l7_ends, __u64, __u32, 65536) SKEP_HELP("whose end of a connection it is, by a hash of its addresses");

static __always_inline __u64 l7_mix(__u64 hash, __u64 value)
{
	hash = (hash ^ value) * 0xff51afd7ed558ccdULL;
	return hash ^ hash >> 32;
}

/* Both ends' addresses and ports, in host order, IPv4 ones mapped. */
struct l7_ends_of {
	struct l7_address local, remote;
	bool loopback;
};

static __always_inline void l7_mapped(ip_addr *to, __be32 address)
{
	__builtin_memset(to, 0, sizeof(*to));
	to->byte[10] = to->byte[11] = 0xff;
	__builtin_memcpy(&to->byte[12], &address, sizeof(address));
}

static __always_inline void l7_ends_at(struct sock *sk, __u16 family, struct l7_ends_of *e)
{
	if (family == L7_AF_INET) {
		l7_mapped(&e->local.ip, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		l7_mapped(&e->remote.ip, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	} else if (bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		BPF_CORE_READ_INTO(&e->local.ip, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&e->remote.ip, sk, __sk_common.skc_v6_daddr);
	}
	/* By its name on the wire: skc_num is taken back before a connection's end is told. */
	e->local.port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	e->remote.port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	e->local.pad = e->remote.pad = 0;
}

static __always_inline __u64 l7_hash_address(__u64 hash, const struct l7_address *a, __u32 port)
{
	const __u64 *words = (const __u64 *)&a->ip;

	return l7_mix(l7_mix(l7_mix(hash, words[0]), words[1]), port);
}

static __always_inline bool l7_is_loopback(const ip_addr *ip)
{
	const __u64 *words = (const __u64 *)ip;

	return (ip->byte[10] == 0xff && ip->byte[12] == 127) || (!words[0] && words[1] == bpf_cpu_to_be64(1));
}

/* Loopback addresses mean something else in each network namespace; all others are the same on the whole machine. */
static __always_inline __u64 l7_end_key(struct sock *sk, const struct l7_address *from, const struct l7_address *to)
{
	__u64 space = l7_is_loopback(&from->ip) ? BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) : 0;

	return l7_hash_address(l7_hash_address(space, from, from->port), to, to->port);
}

/* Tells the other end, if it is on this machine, who is at this one. `e` is room to work in. */
static __always_inline void l7_tell_end(struct sock *sk, __u16 family, __u32 process, struct l7_ends_of *e)
{
	__u64 key;

	if (family == L7_AF_UNIX)
		return;
	l7_ends_at(sk, family, e);
	key = l7_end_key(sk, &e->local, &e->remote);
	bpf_map_update_elem(&l7_ends, &key, &process, BPF_ANY);
}

/*
 * A client says who it is when its connection is made, not when it first sends: a server on another processor, or one that is
 * let run first, may have answered before the hook of that sending runs. Who connects is known when it begins to, and from
 * which port only when the other end has agreed, which happens under anybody.
 */
SKEP_LRU_HASH(l7_connecting, __u64, __u32, 4096);

static __noinline void l7_connects(struct sock *sk)
{
	__u32 process = bpf_get_current_pid_tgid() >> 32;
	__u64 address = (__u64)sk;

	if (l7_watched(sk, process, false))
		bpf_map_update_elem(&l7_connecting, &address, &process, BPF_ANY);
	else
		bpf_map_delete_elem(&l7_connecting, &address);
}

static __noinline void l7_connected(struct sock *sk)
{
	__u64 address = (__u64)sk;
	__u32 *process = bpf_map_lookup_elem(&l7_connecting, &address);
	struct l7_ends_of ends;

	if (!process)
		return;
	l7_tell_end(sk, BPF_CORE_READ(sk, __sk_common.skc_family), *process, &ends);
	bpf_map_delete_elem(&l7_connecting, &address);
}

/* The process at the other end of a Unix socket: who had it made. */
static __always_inline __u64 l7_unix_peer(struct sock *sk)
{
	struct pid *pid = BPF_CORE_READ(sk, sk_peer_pid);
	__u32 process = pid ? BPF_CORE_READ(pid, numbers[0].nr) : 0;

	return process ? L7_PEER_SERVICE | l7_service_of(process) : 0;
}

/* Who is at the other end. `server`: this end serves, so that the caller's port means nothing. */
static __always_inline __u64 l7_peer_of(struct sock *sk, __u16 family, bool server, struct l7_ends_of *e)
{
	__u64 key, hash;
	__u32 *process;
	__u8 one = 1;

	if (family == L7_AF_UNIX)
		return l7_unix_peer(sk);
	l7_ends_at(sk, family, e);
	key = l7_end_key(sk, &e->remote, &e->local);
	process = bpf_map_lookup_elem(&l7_ends, &key);
	if (process)
		return L7_PEER_SERVICE | l7_service_of(*process);
	if (server && !callers)
		return L7_PEER_OTHER;
	if (server)
		e->remote.port = 0;
	hash = L7_PEER_ADDRESS | (l7_hash_address(0, &e->remote, e->remote.port) & L7_PEER_MASK);
	/* A public server has callers without end, and each would have series of its own. */
	if (server && !bpf_map_lookup_elem(&l7_callers, &hash) && bpf_map_update_elem(&l7_callers, &hash, &one, BPF_NOEXIST) &&
	    !bpf_map_lookup_elem(&l7_callers, &hash))
		return L7_PEER_OTHER;
	if (!bpf_map_lookup_elem(&l7_peers, &hash) && skep_update(&l7_peers, &hash, &e->remote, BPF_NOEXIST) < 0 &&
	    !bpf_map_lookup_elem(&l7_peers, &hash))
		return L7_PEER_OTHER;
	return hash;
}

#endif /* SKEP_L7_WHO_H */

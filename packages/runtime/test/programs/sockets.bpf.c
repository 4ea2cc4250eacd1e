/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is kept with a socket: Linux 5.2. */
#include "seen.h"

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} kept SEC(".maps");

SEC("tc/egress") int packet(struct __sk_buff *skb)
{
	struct bpf_sock *sock = skb->sk;
	__u64 *n;

	if (!sock || !(sock = bpf_sk_fullsock(sock)))
		return 0;
	n = bpf_sk_storage_get(&kept, sock, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (n && ++*n == 10)
		see(1, *n);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Losses by force, each in a program of its own: stacks that meet in one place, more records under way than there is
 * scratch memory for, storage that a socket must not have, keys that an LRU hash forgets.
 */
#include "skep.h"

SKEP_PARAM(__u32, target_pid, 0, "only this process");

static __always_inline bool watched(void)
{
	return target_pid && bpf_get_current_pid_tgid() >> 32 == target_pid;
}

SKEP_STACKS(stacks, 1);
/* By the id that a stack got; -1 for those that got none. */
SKEP_HASH(counter_stacks, __s32, __u64, 16);

SEC("?tracepoint/syscalls/sys_enter_getpgid")
int collide(struct trace_event_raw_sys_enter *ctx)
{
	__s32 id;

	if (!watched())
		return 0;
	id = skep_user_stack(ctx, &stacks);
	if (id < 0)
		id = -1;
	skep_add(&counter_stacks, &id, 1);
	return 0;
}

struct five {
	__u32 which;
};

SKEP_EVENTS(print_five, struct five, 1024 * 1024);

SEC("?tracepoint/syscalls/sys_enter_getpgid")
int five_at_once(struct trace_event_raw_sys_enter *ctx)
{
	struct five *a, *b, *c, *d, *e;

	if (!watched())
		return 0;
	a = skep_begin(print_five);
	b = skep_begin(print_five);
	c = skep_begin(print_five);
	d = skep_begin(print_five);
	e = skep_begin(print_five);
#define SEND(record, number)                                    \
	if (record) {                                           \
		(record)->which = number;                       \
		skep_send(ctx, print_five, record);             \
	}
	SEND(a, 1)
	SEND(b, 2)
	SEND(c, 3)
	SEND(d, 4)
	SEND(e, 5)
	return 0;
}

/* Two of them are more than most sockets may have, three more than any: net.core.optmem_max. */
struct large {
	char bytes[60000];
};

SKEP_STORAGE(one, BPF_MAP_TYPE_SK_STORAGE, struct large);
SKEP_STORAGE(two, BPF_MAP_TYPE_SK_STORAGE, struct large);
SKEP_STORAGE(three, BPF_MAP_TYPE_SK_STORAGE, struct large);
SKEP_HASH(counter_found, __u32, __u64, 4);

#define ASK(storage, number)                                                                       \
	if (skep_found(&storage, bpf_sk_storage_get(&storage, sk, 0, BPF_SK_STORAGE_GET_F_CREATE))) { \
		__u32 key = number;                                                                \
		skep_add(&counter_found, &key, 1);                                                 \
	}

SEC("?cgroup_skb/egress") int store(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 1;
	ASK(one, 1)
	ASK(two, 2)
	ASK(three, 3)
	return 1;
}

SKEP_LRU_HASH(counter_recent, __u32, __u64, 16384);
SKEP_LRU_HASH(remembered, __u32, __u64, 16384);

SEC("?tracepoint/syscalls/sys_enter_getpgid")
int forget(struct trace_event_raw_sys_enter *ctx)
{
	__u32 key = ctx->args[0];
	__u64 one_more = 1;

	if (!watched())
		return 0;
	skep_add(&counter_recent, &key, 1);
	skep_update(&remembered, &key, &one_more, BPF_ANY);
	return 0;
}

SKEP_LRU_HASH(counter_few, __u32, __u64, 256);
SKEP_LRU_HASH(remembered_few, __u32, __u64, 256);

SEC("?tracepoint/syscalls/sys_enter_getpgid")
int forget_few(struct trace_event_raw_sys_enter *ctx)
{
	__u32 key = ctx->args[0];
	__u64 one_more = 1;

	if (!watched())
		return 0;
	skep_add(&counter_few, &key, 1);
	skep_update(&remembered_few, &key, &one_more, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

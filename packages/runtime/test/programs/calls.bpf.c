/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Functions, tail calls, kernel configuration, kernel symbols, maps in maps, tries, queues and stacks: Linux 5.10. */
#include "seen.h"

enum seen { FUNCTION = 1, TAIL = 2, VERSION = 3, SYMBOL = 4, INNER = 5, TRIE = 6, QUEUE = 7, STACK = 8, GLOBAL = 9 };

extern int LINUX_KERNEL_VERSION __kconfig;
extern const void init_task __ksym;

static __noinline int twice(int n)
{
	return n * 2;
}

__noinline int thrice(int n)
{
	return n * 3;
}

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { [1] = &inner } };

struct prefix {
	__u32 bits;
	__u8 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4);
	__type(key, struct prefix);
	__type(value, __u64);
} trie SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__type(value, __u64);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 4);
	__type(value, __u64);
} stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4);
} cgroups SEC(".maps");

int jumped(void *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, int(void *));
} jumps SEC(".maps") = { .values = { [1] = &jumped } };

SEC("tp/syscalls/sys_enter_getpriority") int entered(void *ctx)
{
	struct prefix net = { 8, { 10 } }, address = { 32, { 10, 1, 2, 3 } };
	__u64 one = 1, two = 2, got = 0, *found;
	__u32 slot = 1, first = 0;
	void *map;

	if (!ours())
		return 0;
	see(FUNCTION, twice(bpf_get_smp_processor_id() * 0 + 2));
	see(GLOBAL, thrice(2));
	see(VERSION, LINUX_KERNEL_VERSION >> 16);
	see(SYMBOL, &init_task != 0);
	map = bpf_map_lookup_elem(&outer, &slot);
	if (map && (found = bpf_map_lookup_elem(map, &first))) {
		__sync_fetch_and_add(found, 1);
		see(INNER, 1);
	}
	bpf_map_update_elem(&trie, &net, &two, BPF_ANY);
	if ((found = bpf_map_lookup_elem(&trie, &address)))
		see(TRIE, *found);
	bpf_map_push_elem(&queue, &one, 0);
	bpf_map_push_elem(&queue, &two, 0);
	bpf_map_pop_elem(&queue, &got);
	see(QUEUE, got);
	bpf_map_pop_elem(&queue, &got);
	bpf_map_push_elem(&stack, &one, 0);
	bpf_map_push_elem(&stack, &two, 0);
	bpf_map_pop_elem(&stack, &got);
	see(STACK, got);
	bpf_map_pop_elem(&stack, &got);
	bpf_current_task_under_cgroup(&cgroups, 0);
	bpf_tail_call(ctx, &jumps, 1);
	return 0;
}

SEC("tp") int jumped(void *ctx)
{
	see(TAIL, 1);
	return 0;
}

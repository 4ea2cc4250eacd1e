/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Memory shared with user space: Linux 6.9. */
#include "seen.h"

struct {
	__uint(type, 33 /* BPF_MAP_TYPE_ARENA */);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4);         /* pages */
} arena SEC(".maps");

extern void *bpf_arena_alloc_pages(void *map, void *address, __u32 pages, int node, __u64 flags) __ksym;
extern void bpf_arena_free_pages(void *map, void *address, __u32 pages) __ksym;

SEC("uprobe.s") int entered(void *ctx)
{
	void *page;

	if (!ours())
		return 0;
	page = bpf_arena_alloc_pages(&arena, 0, 1, -1, 0);
	if (!page)
		return 0;
	see(1, 1);
	bpf_arena_free_pages(&arena, page, 1);
	return 0;
}

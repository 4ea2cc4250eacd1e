// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Processes that the kernel killed for want of memory.
 *
 * The tracepoint mark_victim is older than BTF and names the victim's thread; since 6.9, and in stable releases from
 * early 2025 on, it adds how much memory the victim held. The record is written when that thread exits, a moment later: then the victim is the current task, so its
 * name, user and cgroup are known on every kernel, and the filters speak of the victim and not of whoever ran the
 * reclaim.
 */
#include "skep.h"
#include "skep_filter.h"

/* What newer kernels tell, in KiB. */
struct trace_event_raw_mark_victim___sizes {
	unsigned long total_vm;
	unsigned long anon_rss;
	unsigned long file_rss;
	unsigned long shmem_rss;
} __attribute__((preserve_access_index));

struct trace_event_raw_mark_victim___pid {
	int pid;
} __attribute__((preserve_access_index));

struct oom_kill {
	__u32 pid SKEP_HELP("the victim's process id");
	user_id_t uid SKEP_HELP("the victim's user");
	char comm[16] SKEP_HELP("the victim's command name");
	cgroup_id_t cgroup SKEP_HELP("the victim's cgroup v2");
	bytes_t anon_rss SKEP_HELP("anonymous memory it held (0 where the kernel does not tell)");
	bytes_t file_rss SKEP_HELP("file pages it held (0 where the kernel does not tell)");
	bytes_t total_vm SKEP_HELP("address space it had (0 where the kernel does not tell)");
	duration_ns took SKEP_HELP("from the verdict to the victim's exit");
};

struct victim {
	__u64 marked;
	bytes_t anon_rss;
	bytes_t file_rss;
	bytes_t total_vm;
};

struct who {
	char comm[16];
};

SKEP_LRU_HASH(victims, __u32, struct victim, 1024);
/* Victims that have not ended yet: while there is none, which is nearly always, an exit costs a look at this and no more. */
__u32 doomed;
SKEP_EVENTS(print_oom_kills, struct oom_kill, 64 * 1024) SKEP_HELP("one row a killed process");
SKEP_HASH(counter_oom_kills, struct who, __u64, 1024) SKEP_HELP("Processes killed for want of memory.");

SEC("tracepoint/oom/mark_victim")
int mark_victim(void *ctx)
{
	struct trace_event_raw_mark_victim___pid *victim = ctx;
	struct trace_event_raw_mark_victim___sizes *sizes = ctx;
	struct victim v = { .marked = bpf_ktime_get_ns() };
	__u32 tid = BPF_CORE_READ(victim, pid);

	if (bpf_core_field_exists(sizes->anon_rss)) {
		v.anon_rss = BPF_CORE_READ(sizes, anon_rss) * 1024ULL;
		v.file_rss = (BPF_CORE_READ(sizes, file_rss) + BPF_CORE_READ(sizes, shmem_rss)) * 1024ULL;
		v.total_vm = BPF_CORE_READ(sizes, total_vm) * 1024ULL;
	}
	if (!bpf_map_update_elem(&victims, &tid, &v, BPF_NOEXIST))
		__sync_fetch_and_add(&doomed, 1);
	return 0;
}

static __always_inline int victim_exit(void *ctx)
{
	struct who who = {};
	struct oom_kill *e;
	struct victim *v;
	__u64 id;
	__u32 tid;

	if (!*(volatile __u32 *)&doomed)
		return 0;
	id = bpf_get_current_pid_tgid();
	tid = id;
	v = bpf_map_lookup_elem(&victims, &tid);
	if (!v)
		return 0;
	if (!skep_watched())
		goto out;
	bpf_get_current_comm(who.comm, sizeof(who.comm));
	skep_add(&counter_oom_kills, &who, 1);

	e = skep_begin(print_oom_kills);
	if (!e)
		goto out;
	e->pid = id >> 32;
	e->uid = bpf_get_current_uid_gid();
	__builtin_memcpy(e->comm, who.comm, sizeof(e->comm));
	e->cgroup = bpf_get_current_cgroup_id();
	e->anon_rss = v->anon_rss;
	e->file_rss = v->file_rss;
	e->total_vm = v->total_vm;
	e->took = bpf_ktime_get_ns() - v->marked;
	skep_send(ctx, print_oom_kills, e);
out:
	if (!bpf_map_delete_elem(&victims, &tid))
		__sync_fetch_and_add(&doomed, -1);
	return 0;
}

/* Each exit of the machine passes here, so the cheapest form counts; mark_victim is as rare as it is. */
SKEP_EVENT(exit, sched, sched_process_exit, victim_exit)

char LICENSE[] SEC("license") = "Dual BSD/GPL";

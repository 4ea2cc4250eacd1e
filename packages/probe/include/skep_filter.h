/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * skep_filter.h: narrow a probe to a process, a command or a cgroup.
 *
 *     #include "skep.h"
 *     #include "skep_filter.h"
 *     ...
 *     if (!skep_watched())
 *         return 0;
 *
 * Including it gives the probe the parameters target_pid, target_comm and target_cgroup. An unset one costs
 * nothing: the verifier sees the constant and drops the branch. They speak of the current task, so use
 * skep_watched() where the current task is the one that matters, which at a softirq's hook it is not.
 */
#ifndef SKEP_FILTER_H
#define SKEP_FILTER_H

#ifndef SKEP_H
#error "include skep.h before skep_filter.h"
#endif

SKEP_PARAM(__u32, target_pid, 0, "only this process (0: every process)");
SKEP_PARAM_STRING(target_comm, 16, "only tasks with this command name, at most 15 bytes (empty: all)");
SKEP_PARAM(cgroup_id_t, target_cgroup, 0, "only this cgroup v2 and those below it, by path or id (0: all)");

/* How deep below the root a cgroup may lie to be found: Kubernetes uses about six levels. */
#define SKEP_CGROUP_DEPTH 16

typedef __u64 __attribute__((may_alias)) skep_word;

static __always_inline bool skep_comm_watched(void)
{
	char comm[16] __attribute__((aligned(8))) = {};

	if (!target_comm[0])
		return true;
	bpf_get_current_comm(comm, sizeof(comm));
	return ((const skep_word *)comm)[0] == ((const volatile skep_word *)target_comm)[0] &&
	       ((const skep_word *)comm)[1] == ((const volatile skep_word *)target_comm)[1];
}

/*
 * Tracing programs may ask for the ids of the current task's cgroups since Linux 5.14, the version that brought
 * bpf_sys_bpf too, by which it is known; before, they lie in the cgroup itself. No kernel has both names: Linux 6.1
 * made the ids pointers.
 */
enum bpf_func_id___since_5_14 { BPF_FUNC_sys_bpf___since_5_14 = 166 };

struct cgroup___until_6_0 {
	int level;
	__u64 ancestor_ids[SKEP_CGROUP_DEPTH];
} __attribute__((preserve_access_index));

/* The id of the current task's cgroup at this depth; 0 below its own. */
static __always_inline __u64 skep_cgroup_at(int level)
{
	struct cgroup___until_6_0 *own;
	__u64 id = 0;

	if (bpf_core_enum_value_exists(enum bpf_func_id___since_5_14, BPF_FUNC_sys_bpf___since_5_14))
		return bpf_get_current_ancestor_cgroup_id(level);
	own = (void *)BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), cgroups, dfl_cgrp);
	if (level <= BPF_CORE_READ(own, level))
		bpf_core_read(&id, sizeof(id), &own->ancestor_ids[level]);
	return id;
}

static __always_inline bool skep_cgroup_watched(void)
{
	if (!target_cgroup)
		return true;
#pragma unroll
	for (int level = 0; level < SKEP_CGROUP_DEPTH; level++) {
		__u64 id = skep_cgroup_at(level);

		if (id == target_cgroup)
			return true;
		if (!id)
			return false;
	}
	return false;
}

/* Is the current task one that the user asked for? */
static __always_inline bool skep_watched(void)
{
	if (target_pid && target_pid != bpf_get_current_pid_tgid() >> 32)
		return false;
	return skep_comm_watched() && skep_cgroup_watched();
}

#endif /* SKEP_FILTER_H */

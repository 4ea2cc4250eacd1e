/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * skep_filter.h: narrow a probe to the owners of its events.
 *
 *     #include "skep.h"
 *     #include "skep_filter.h"
 *     ...
 *     if (!skep_watched())
 *         return 0;
 *
 * Including it gives the probe `--pid`, `--comm`, `--cgroup` and `--uid`, each of which may be repeated. An unset one
 * costs nothing.
 *
 * An event belongs to whoever caused it, who need not be on the CPU when its hook runs. Ask
 *   - skep_watched() where the current task is the owner: in its system calls, at its exec and exit, in connect();
 *   - the same where the owner was current earlier, and remember the answer: of a socket at its SYN, say, since what
 *     comes back arrives in a softirq, under whatever task was interrupted;
 *   - skep_task_watched() where the hook is given the task it is about;
 *   - skep_socket_watched() where all that is known is a socket: its cgroup is, its process is not.
 */
#ifndef SKEP_FILTER_H
#define SKEP_FILTER_H

#ifndef SKEP_H
#error "include skep.h before skep_filter.h"
#endif

/* A list that one of run's flags fills: pid, comm, cgroup or uid. */
#define SKEP_OWNER(flag) SKEP_TAG("owner=" flag)
/* What `--set` takes for an empty list, beside `*`. */
#define SKEP_NONE(text) SKEP_TAG("none=" text)

SKEP_PARAM_PIDS(target_pid, 64, "only these processes") SKEP_OWNER("pid") SKEP_NONE("0");
SKEP_PARAM_COMMS(target_comm, 64, "only tasks with these command names, at most 15 bytes each") SKEP_OWNER("comm");
SKEP_PARAM_CGROUPS(target_cgroup, 64, "only these cgroups (v2) and those below them, by folder or id")
	SKEP_OWNER("cgroup") SKEP_NONE("0");
SKEP_PARAM_USERS(target_uid, 64, "only these users, by name or number") SKEP_OWNER("uid");

/* How deep below the root a cgroup may lie to be found: Kubernetes uses about six levels. */
#define SKEP_CGROUP_DEPTH 16

static __always_inline bool skep_comm_watched(void)
{
	skep_comm_t comm __attribute__((aligned(8))) = {};

	if (skep_any(target_comm))
		return true;
	bpf_get_current_comm(comm, sizeof(comm));
	return skep_comm_listed(target_comm, comm);
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
	if (skep_any(target_cgroup))
		return true;
#pragma unroll
	for (int level = 0; level < SKEP_CGROUP_DEPTH; level++) {
		__u64 id = skep_cgroup_at(level);

		if (!id)
			return false;
		if (skep_listed(target_cgroup, id))
			return true;
	}
	return false;
}

/* Is the current task one that the user asked for? */
static __always_inline bool skep_watched(void)
{
	return skep_in(target_pid, bpf_get_current_pid_tgid() >> 32) &&
	       skep_in(target_uid, bpf_get_current_uid_gid()) && skep_comm_watched() && skep_cgroup_watched();
}

/* Is it one of the cgroups that the user asked for, or below one? From the leaf up: cgroups know their parents alike on
 * all kernels, and their ancestors do not. */
static __always_inline bool skep_below_watched_cgroup(struct cgroup *cgroup)
{
	for (int level = 0; level < SKEP_CGROUP_DEPTH; level++) {
		void *parent;

		if (!cgroup)
			return false;
		if (skep_listed(target_cgroup, BPF_CORE_READ(cgroup, kn, id)))
			return true;
		parent = BPF_CORE_READ(cgroup, self.parent);
		cgroup = parent ? parent - bpf_core_field_offset(cgroup->self) : 0;
	}
	return false;
}

/* Is this task, current or not, one that the user asked for? */
static __always_inline bool skep_task_watched(struct task_struct *task)
{
	skep_comm_t comm __attribute__((aligned(8))) = {};

	if (!skep_in(target_pid, BPF_CORE_READ(task, tgid)) ||
	    !skep_in(target_uid, BPF_CORE_READ(task, real_cred, uid.val)))
		return false;
	if (!skep_any(target_comm)) {
		BPF_CORE_READ_STR_INTO(&comm, task, comm);
		if (!skep_comm_listed(target_comm, comm))
			return false;
	}
	return skep_any(target_cgroup) || skep_below_watched_cgroup(BPF_CORE_READ(task, cgroups, dfl_cgrp));
}

/* Before 5.15 one word held the cgroup, or the class and priority of the first version, then odd. */
struct sock_cgroup_data___before_5_15 {
	__u64 val;
} __attribute__((preserve_access_index));

/*
 * Is this socket's cgroup, which is that of the process that made it, one that the user asked for? A socket does not
 * know its process, so with any of the other flags the answer is no: a probe that asks for sockets only should take
 * target_cgroup alone.
 */
static __always_inline bool skep_socket_watched(struct sock *socket)
{
	struct sock_cgroup_data___before_5_15 *before = (void *)&socket->sk_cgrp_data;
	struct cgroup *cgroup;
	__u64 word;

	if (!skep_any(target_pid) || !skep_any(target_comm) || !skep_any(target_uid))
		return false;
	if (skep_any(target_cgroup))
		return true;
	if (bpf_core_field_exists(before->val)) {
		word = BPF_CORE_READ(before, val);
		cgroup = word & 1 ? 0 : (struct cgroup *)word;
	} else
		cgroup = BPF_CORE_READ(socket, sk_cgrp_data.cgroup);
	return skep_below_watched_cgroup(cgroup);
}

#endif /* SKEP_FILTER_H */

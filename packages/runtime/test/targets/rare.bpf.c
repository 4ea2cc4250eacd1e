/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The rarer kinds of hook, each loaded only when it is given a target; none of them changes what it sees. */
#include "skep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SKEP_PARAM(__u32, only_pid, 0, "this process alone");
SKEP_HASH(counter_runs, __u32, __u64, 16);

enum hook {
	AT_FMOD_RET = 0,
	AT_FENTRY_SLEEPING = 1,
	AT_LSM = 2,
	AT_LSM_SLEEPING = 3,
	AT_CGROUP = 4,
	AT_DISSECTOR = 5,
	AT_PACKET = 6,
	AT_NETKIT = 7,
	AT_COUNTER = 8,
};

static __always_inline void count(__u32 hook)
{
	skep_add(&counter_runs, &hook, 1);
}

static __always_inline void count_mine(__u32 hook)
{
	if (bpf_get_current_pid_tgid() >> 32 == only_pid)
		count(hook);
}

/* The function runs, as it would have: 0 is no value of its own. */
SEC("?fmod_ret") int at_fmod_ret(void *ctx)
{
	count_mine(AT_FMOD_RET);
	return 0;
}

SEC("?fentry.s") int at_fentry_sleeping(void *ctx)
{
	count_mine(AT_FENTRY_SLEEPING);
	return 0;
}

SEC("?lsm") int at_lsm(void *ctx)
{
	count_mine(AT_LSM);
	return 0;
}

SEC("?lsm.s") int at_lsm_sleeping(void *ctx)
{
	count_mine(AT_LSM_SLEEPING);
	return 0;
}

SEC("?lsm_cgroup/socket_post_create") int at_cgroup(void *ctx)
{
	count(AT_CGROUP);
	return 1; /* allowed */
}

SEC("?flow_dissector") int at_dissector(struct __sk_buff *skb)
{
	count(AT_DISSECTOR);
	return 129; /* BPF_FLOW_DISSECTOR_CONTINUE: the kernel's own does the work */
}

/* Whoever wants a packet's hash has it dissected. */
SEC("?tc") int at_packet(struct __sk_buff *skb)
{
	count(AT_PACKET);
	bpf_get_hash_recalc(skb);
	return 0; /* TC_ACT_OK */
}

SEC("?netkit/primary") int at_netkit(struct __sk_buff *skb)
{
	count(AT_NETKIT);
	return -1; /* NETKIT_NEXT */
}

SEC("?perf_event") int at_counter(void *ctx)
{
	count_mine(AT_COUNTER);
	return 0;
}

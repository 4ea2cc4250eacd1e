// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A fault of target_pid within the kernel runs `first`, which faults itself: for that the kernel skips it, since it is running.
 * `second` runs behind it, and does what it did not.
 */
#include "skep.h"

SKEP_PARAM(__u32, target_pid, 0, "the process whose faults are counted");
SKEP_HASH(counter_faults, __u32, __u64, 1);

__u64 made_up, nested;
static bool within, done;

static bool watched(void)
{
	return bpf_get_current_pid_tgid() >> 32 == target_pid;
}

static int handled(void)
{
	__u32 zero = 0;
	__u64 text;

	skep_add(&counter_faults, &zero, 1);
	if (within) {
		nested++;
		return 0;
	}
	within = true;
	bpf_probe_read_user(&text, sizeof(text), (void *)8);
	within = false;
	return 0;
}

SEC("tp_btf/page_fault_kernel")
int first(void *ctx)
{
	if (!watched())
		return 0;
	handled();
	done = true;
	return 0;
}

SKEP_STANDS_IN(first, made_up)
SEC("tp_btf/page_fault_kernel")
int second(void *ctx)
{
	if (!watched())
		return 0;
	if (done) {
		done = false;
		return 0;
	}
	made_up++;
	return handled();
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

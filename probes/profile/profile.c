// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Where the processors spend their time: the stack that runs is counted 49 times a second on each of them.
 *
 * Equal stacks of one process are one entry, so a busy machine costs user space no more than an idle one. 49 Hz and not
 * 50, so that the clock does not run in step with what programs do each so many milliseconds.
 */
#include "skep.h"
#include "skep_filter.h"

SKEP_PARAM(bool, kernel_only, false, "leave out the stacks of user space");
SKEP_PARAM(bool, user_only, false, "leave out the stacks of the kernel");
SKEP_PARAM(bool, include_idle, false, "count idle processors too");

struct sampled {
	__u32 pid SKEP_HELP("process id");
	user_stack_id_t user_stack SKEP_HELP("functions of the program, innermost first");
	kernel_stack_id_t kernel_stack SKEP_HELP("functions of the kernel, where it ran on the program's behalf");
	char comm[16] SKEP_HELP("command name of the thread");
};

SKEP_STACKS(stacks, 16384);
SKEP_HASH(counter_cpu_samples, struct sampled, __u64, 40960)
	SKEP_HELP("samples of the running stack, 49 a second and processor") SKEP_UNIT("samples");

SEC("perf_event")
int cpu_sample(struct bpf_perf_event_data *ctx)
{
	struct sampled key = {};
	__u64 id = bpf_get_current_pid_tgid();

	if ((!id && !include_idle) || !skep_watched())
		return 0;
	key.pid = id >> 32;
	key.user_stack = key.kernel_stack = -14; /* none: EFAULT */
	if (!kernel_only)
		key.user_stack = skep_user_stack(ctx, &stacks);
	if (!user_only)
		key.kernel_stack = skep_kernel_stack(ctx, &stacks);
	bpf_get_current_comm(key.comm, sizeof(key.comm));
	skep_add(&counter_cpu_samples, &key, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

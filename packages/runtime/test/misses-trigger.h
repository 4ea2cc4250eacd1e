/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A program that calls a function of the kernel while it runs: what is hooked there is not run, or runs again. */
static __always_inline void call_helper(void)
{
	char name[16];

	bpf_probe_read_kernel_str(name, sizeof(name), (void *)bpf_get_current_task());
}

SKEP_ARRAY(counter_triggered, __u64, 1);
SKEP_ARRAY(counter_ran, __u64, 1);

SEC("tracepoint/syscalls/sys_enter_getpgid")
int trigger(void *ctx)
{
	if (!watched())
		return 0;
	count(&counter_triggered);
	call_helper();
	return 0;
}

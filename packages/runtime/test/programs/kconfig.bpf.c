/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* An option of the kernel's configuration: wherever that can be read. */
#include "skep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SKEP_PARAM(__u32, only_pid, 0, "this process alone");
SKEP_HASH(counter_seen, __u32, __u64, 64);

static __always_inline void see(__u32 what, __u64 n)
{
	skep_add(&counter_seen, &what, n);
}

extern int CONFIG_HZ __kconfig;

SEC("tp/syscalls/sys_enter_getpriority") int entered(void *ctx)
{
	if (bpf_get_current_pid_tgid() >> 32 == only_pid)
		see(1, CONFIG_HZ);
	return 0;
}

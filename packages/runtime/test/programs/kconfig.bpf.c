/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* An option of the kernel's configuration: wherever that can be read. */
#include "seen.h"

extern int CONFIG_HZ __kconfig;

SEC("tp/syscalls/sys_enter_getpriority") int entered(void *ctx)
{
	if (ours())
		see(1, CONFIG_HZ);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// As objects.bpf.c, and an object of its own: for each load of one that names a symbol without a type libbpf reads all of
// /proc/kallsyms, which takes an emulated machine two seconds.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct task_struct___gone { int skep_no_such_member; } __attribute__((preserve_access_index));

__u64 sink;

#define GONE() (sink += BPF_CORE_READ((struct task_struct___gone *)bpf_get_current_task(), skep_no_such_member))

/* An address, or 0 for a weak one that is not there. */
extern const void schedule __ksym;
extern const void skep_no_such_symbol __ksym __weak;

SEC("?raw_tp/sched_process_exit") int yes_symbol(void *ctx)
{
	sink += (__u64)&schedule;
	return 0;
}

SEC("?raw_tp/sched_process_exit") int yes_weak_symbol(void *ctx)
{
	if (&skep_no_such_symbol)
		GONE();
	return 0;
}

SEC("?raw_tp/sched_process_exit") int no_weak_symbol(void *ctx)
{
	if (!&skep_no_such_symbol)
		GONE();
	return 0;
}

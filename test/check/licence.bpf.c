/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * licence.bpf.c: programs of an object that does not say that it may be taken for the GPL's like.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Proprietary";

const volatile bool never = false;

SEC("raw_tp/sched_process_exit") int no_kept_helper(void *ctx)
{
	bpf_printk("gone");
	return 0;
}

SEC("tp/sched/sched_process_exit") int no_kept_read(void *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	int pid = 0;

	bpf_probe_read_kernel(&pid, sizeof(pid), &task->pid);
	return pid > 0;
}

SEC("lsm/file_open") int no_kept_kind(void *ctx)
{
	return 0;
}

SEC("raw_tp/sched_process_exit") int yes_free_helper(void *ctx)
{
	return bpf_get_current_pid_tgid() >> 63;
}

SEC("raw_tp/sched_process_exit") int yes_never_kept(void *ctx)
{
	if (never)
		bpf_printk("gone");
	return 0;
}

/* Functions of the kernel, which the verifier counts before it looks what is dead. */
extern void bpf_rcu_read_lock(void) __ksym __weak;
extern void bpf_rcu_read_unlock(void) __ksym __weak;
extern void skep_no_such_function(void) __ksym __weak;

SEC("raw_tp/sched_process_exit") int no_kept_function(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return 0;
}

static __noinline int dead_call(void)
{
	if (never)
		skep_no_such_function();
	return 0;
}

SEC("raw_tp/sched_process_exit") int kept_in_dead_code(void *ctx) { return dead_call(); }

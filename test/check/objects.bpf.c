// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Programs that the kernel refuses or not, for reasons that check must know: what it says is compared with a load.
// Names that begin with no_ cannot run on any kernel, yes_ on every one with what they use.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct task_struct___gone { int skep_no_such_member; } __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

const volatile bool wanted = false;
const volatile __u32 limit = 7;
const volatile char word[8] = "abc";
bool enabled;
__u64 sink;

#define GONE() (sink += BPF_CORE_READ((struct task_struct___gone *)bpf_get_current_task(), skep_no_such_member))
#define HAS(t, f) bpf_core_field_exists(((struct t *)0)->f)

SEC("?raw_tp/sched_process_exit") int no_plain(void *ctx) { GONE(); return 0; }

SEC("?raw_tp/sched_process_exit") int yes_guarded(void *ctx)
{
	if (HAS(task_struct___gone, skep_no_such_member))
		GONE();
	return 0;
}

SEC("?raw_tp/sched_process_exit") int yes_other_branch(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (HAS(task_struct, pid))
		sink += BPF_CORE_READ(task, pid);
	else
		GONE();
	return 0;
}

SEC("?raw_tp/sched_process_exit") int yes_parameter(void *ctx)
{
	if (wanted)
		GONE();
	return 0;
}

SEC("?raw_tp/sched_process_exit") int yes_number(void *ctx)
{
	if (limit > 10 || word[1] != 'b')
		GONE();
	return 0;
}

SEC("?raw_tp/sched_process_exit") int no_number(void *ctx)
{
	if (limit < 10)
		GONE();
	return 0;
}

SEC("?raw_tp/sched_process_exit") int no_global(void *ctx)
{
	if (enabled)
		GONE();
	return 0;
}

SEC("?raw_tp/sched_process_exit") int perhaps_pid(void *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;

	if (pid == 4711)
		GONE();
	return 0;
}

SEC("?raw_tp/sched_process_exit") int no_found(void *ctx)
{
	__u32 key = 1;
	__u64 *n = bpf_map_lookup_elem(&counts, &key);

	if (!n)
		return 0;
	if (*n == 5)
		GONE();
	return 0;
}

SEC("?raw_tp/sched_process_exit") int no_not_found(void *ctx)
{
	__u32 key = 1;

	if (!bpf_map_lookup_elem(&counts, &key))
		GONE();
	return 0;
}

/* The verifier keeps what it knows of a number: the second jump goes one way. */
SEC("?raw_tp/sched_process_exit") int perhaps_twice(void *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	volatile __u64 *out = &sink;

	if (pid < 100)
		return 0;
	*out += 1;
	if (pid == 50)
		GONE();
	return 0;
}

SEC("?raw_tp/sched_process_exit") int perhaps_mask(void *ctx)
{
	__u64 n = bpf_ktime_get_ns() & 0xf0;

	asm volatile("" : "+r"(n));
	if (n == 3)
		GONE();
	return 0;
}

static __noinline int inner(int way)
{
	if (way == 1)
		GONE();
	return way;
}

SEC("?raw_tp/sched_process_exit") int no_in_function(void *ctx) { return inner(1); }

SEC("?raw_tp/sched_process_exit") int yes_in_function(void *ctx)
{
	return HAS(task_struct___gone, skep_no_such_member) ? inner(1) : 0;
}

/* Not static: before 6.8 the verifier walks it for itself where any code names it, and since then where live code does. */
__noinline int of_its_own(int way)
{
	GONE();
	return way;
}

SEC("?raw_tp/sched_process_exit") int dead_global(void *ctx) { return wanted ? of_its_own(1) : 0; }

/* The compiler may take what it reads by out of the loop, and then it is read on every way. */
SEC("?raw_tp/sched_process_exit") int perhaps_in_loop(void *ctx)
{
	int i;

#pragma clang loop unroll(disable)
	for (i = 0; i < 5; i++) {
		sink += i;
		if (HAS(task_struct___gone, skep_no_such_member))
			GONE();
	}
	return 0;
}

/* The low half of a number, as code without 32-bit registers takes it (-mcpu=v2). */
#define LOW_HALF(number)                                              \
	({                                                            \
		__u64 __n = (number);                                 \
		asm volatile("%0 <<= 32; %0 >>= 32" : "+r"(__n));     \
		__n;                                                  \
	})

SEC("?raw_tp/sched_process_exit") int no_low_half(void *ctx)
{
	if (LOW_HALF(bpf_get_current_pid_tgid()) == 5)
		GONE();
	return 0;
}

SEC("?raw_tp/sched_process_exit") int yes_low_half_of_constant(void *ctx)
{
	if (LOW_HALF(0x500000000))
		GONE();
	return 0;
}

/* A helper for other programs, and one that no kernel has. */
SEC("?raw_tp/sched_process_exit") int no_helper(void *ctx)
{
	static long (*helper)(void) = (void *)9999;

	return helper();
}

SEC("?raw_tp/sched_process_exit") int yes_helper_guarded(void *ctx)
{
	static long (*helper)(void) = (void *)9999;

	return HAS(task_struct___gone, skep_no_such_member) ? helper() : 0;
}

SEC("?xdp") int no_helper_of_others(struct xdp_md *ctx)
{
	static __u64 (*helper)(void) = (void *)BPF_FUNC_get_stackid;

	return helper() ? XDP_PASS : XDP_ABORTED;
}

/* What programs of a kind may return and read, and which may wait. */
SEC("?fentry/vfs_read") int no_return_value(void *ctx) { return 1; }
SEC("?fentry/vfs_read") int BPF_PROG(no_argument, void *f, void *b, __u64 n, void *pos, __u64 fifth)
{
	sink += fifth;
	return 0;
}
SEC("?lsm/file_open") int no_waiting_helper(void *ctx)
{
	__u64 there;

	return bpf_copy_from_user(&there, sizeof(there), (void *)0) ? 0 : -1;
}

/* Of its context a program reads what is there, as wide as it lies there, and most write nothing. */
#define AT(ctx, offset, type) (*(volatile type *)((char *)(ctx) + (offset)))
SEC("?tracepoint/sched/sched_process_exit") int no_record(void *ctx) { sink += AT(ctx, 0, __u64); return 0; }
SEC("?tracepoint/sched/sched_process_exit") int yes_record(void *ctx) { sink += AT(ctx, 24, __u32); return 0; }
SEC("?tracepoint/sched/sched_process_exit") int attach_behind_record(void *ctx) { sink += AT(ctx, 200, __u32); return 0; }
SEC("?tracepoint/sched/sched_process_exit") int yes_guarded_record(void *ctx)
{
	if (wanted)
		sink += AT(ctx, 200, __u32);
	return 0;
}
SEC("?raw_tp/sched_process_exit") int no_written_context(void *ctx) { AT(ctx, 0, __u64) = 1; return 0; }
SEC("?raw_tp/sched_process_exit") int no_crooked_read(void *ctx) { sink += AT(ctx, 4, __u64); return 0; }
SEC("?xdp") int no_egress(struct xdp_md *ctx) { return ctx->egress_ifindex ? XDP_PASS : XDP_DROP; }
SEC("?xdp/devmap") int yes_egress(struct xdp_md *ctx) { return ctx->egress_ifindex ? XDP_PASS : XDP_DROP; }
SEC("?socket") int no_end(void *ctx) { return AT(ctx, 1024, __u32); }
SEC("?perf_event") int no_sample(void *ctx) { sink += AT(ctx, 1024, __u64); return 0; }
SEC("?raw_tp/sched_process_exit") int no_function_address(void *ctx) { return bpf_get_func_ip(ctx) == 1; }
SEC("?raw_tp/sched_process_exit") int no_waiting_event(void *ctx)
{
	__u64 there;

	return bpf_copy_from_user(&there, sizeof(there), (void *)0) != 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 8);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u32);
} prefixes SEC(".maps");
SEC("?lsm.s/file_open") int perhaps_sleeping(void *ctx)
{
	__u64 key = 0;

	sink += bpf_map_lookup_elem(&prefixes, &key) != 0;
	return 0;
}
SEC("?cgroup/connect4") int no_cgroup_value(void *ctx) { return 2; }
SEC("?kprobe.multi/skep_no_such_*") int attach_multi(void *ctx) { return 0; }
SEC("?ksyscall/skep_no_such") int attach_ksyscall(void *ctx) { return 0; }
SEC("?uprobe//bin/sh:skep_no_such") int attach_uprobe(void *ctx) { return 0; }
SEC("?fsomething/vfs_read") int no_such_kind(void *ctx) { return 0; }
SEC("?cgroup/something") int no_such_cgroup(void *ctx) { return 1; }
SEC("?iter.s/bpf_map") int attach_sleeping_iterator(void *ctx) { return 0; }
SEC("?iter") int no_iterator(void *ctx) { return 0; }
SEC("?sk_lookup/name") int yes_named_lookup(void *ctx) { return 1; }
SEC("?tracepoint/ftrace/function") int attach_tracer(void *ctx) { return 0; }

SEC("?raw_tp/skep_no_such_event") int attach_raw_tp(void *ctx) { return 0; }
SEC("?raw_tp/sys_enter_openat") int attach_event_of_a_call(void *ctx) { return 0; }
SEC("?tracepoint/sched/skep_no_such_event") int attach_tracepoint(void *ctx) { return 0; }
SEC("?tracepoint/sched/sched_switch") int yes_tracepoint(void *ctx) { return 0; }
SEC("?tp_btf/skep_no_such_event") int no_tp_btf(void *ctx) { return 0; }
SEC("?tp_btf/sched_process_exit") int yes_tp_btf(void *ctx) { return 0; }
SEC("?fentry/snprintf") int no_any_number(void *ctx) { return 0; }
SEC("?fentry/skep_no_such_function") int no_fentry(void *ctx) { return 0; }

// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// Every kind of CO-RE relocation, found and not found, for the comparison with libbpf. It is loaded, never attached.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct task_struct___flavour { int pid; unsigned int flags; struct task_struct___flavour *real_parent; } __attribute__((preserve_access_index));
struct task_struct___gone { int skep_no_such_member; } __attribute__((preserve_access_index));
struct task_struct___odd { struct { int counter; } pid; } __attribute__((preserve_access_index));
struct skep_no_such_struct { int x; int y[4]; } __attribute__((preserve_access_index));
struct list_head___small { unsigned int next; } __attribute__((preserve_access_index));
union skep_no_such_union { int x; };
enum bpf_func_id___some { BPF_FUNC_map_lookup_elem___old = 77, BPF_FUNC_skep_no_such___x = 5 };
enum skep_no_such_enum { SKEP_NO_SUCH = 3 };
typedef struct skep_no_such_struct skep_no_such_typedef;

__u64 sink;
#define USE(x) sink += (__u64)(x)

SEC("raw_tp/sched_process_exit") int fields(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct___flavour *other = (void *)task;

	USE(BPF_CORE_READ(task, pid));
	USE(BPF_CORE_READ(task, real_parent, real_parent, tgid));
	USE(BPF_CORE_READ(other, real_parent, flags));
	USE(BPF_CORE_READ(task, se.exec_start));
	USE(BPF_CORE_READ(task, comm[3]));
	USE(BPF_CORE_READ(task, signal, rlim[2].rlim_cur));
	USE(BPF_CORE_READ(task, mm, arg_start));
	USE(bpf_core_field_size(task->comm));
	USE(bpf_core_field_size(task->comm[2]));
	USE(bpf_core_field_offset(task->cpus_mask));
	return 0;
}

SEC("raw_tp/sched_process_exit") int bit_fields(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct sk_buff *skb = (void *)task;
	struct tcp_sock *tp = (void *)task;

	USE(BPF_CORE_READ_BITFIELD_PROBED(task, in_execve));
	USE(BPF_CORE_READ_BITFIELD_PROBED(skb, ip_summed));
	USE(BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type));
	USE(BPF_CORE_READ_BITFIELD_PROBED(tp, nonagle));
	USE(BPF_CORE_READ_BITFIELD_PROBED(task, exit_code));
	return 0;
}

SEC("raw_tp/sched_process_exit") int existence(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct___gone *gone = (void *)task;
	struct task_struct___odd *odd = (void *)task;
	struct skep_no_such_struct *none = (void *)task;

	USE(bpf_core_field_exists(task->pid));
	USE(bpf_core_field_exists(task->thread_info));
	USE(bpf_core_field_exists(odd->pid));
	USE(bpf_core_field_exists(none->y[2]));
	if (bpf_core_field_exists(gone->skep_no_such_member))
		USE(BPF_CORE_READ(gone, skep_no_such_member));
	if (bpf_core_field_exists(none->x))
		USE(BPF_CORE_READ(none, y[3]));
	return 0;
}

SEC("raw_tp/sched_process_exit") int types(void *ctx)
{
	USE(bpf_core_type_exists(struct task_struct));
	USE(bpf_core_type_exists(struct task_struct___gone));
	USE(bpf_core_type_exists(struct bpf_link));
	USE(bpf_core_type_exists(struct bpf_prog_aux));
	USE(bpf_core_type_exists(struct skep_no_such_struct));
	USE(bpf_core_type_exists(union skep_no_such_union));
	USE(bpf_core_type_exists(skep_no_such_typedef));
	USE(bpf_core_type_exists(enum bpf_func_id));
	USE(bpf_core_type_exists(enum skep_no_such_enum));
	USE(bpf_core_type_exists(pid_t));
	USE(bpf_core_type_exists(bpf_user_pt_regs_t));
	USE(bpf_core_type_exists(btf_trace_sched_switch));
	USE(bpf_core_type_exists(u64));
	USE(bpf_core_type_size(struct task_struct));
	USE(bpf_core_type_size(struct list_head));
	USE(bpf_core_type_size(struct skep_no_such_struct));
	USE(bpf_core_type_id_local(struct task_struct___flavour));
	USE(bpf_core_type_id_kernel(struct task_struct));
	USE(bpf_core_type_id_kernel(struct skep_no_such_struct));
	return 0;
}

SEC("raw_tp/sched_process_exit") int enumerators(void *ctx)
{
	USE(bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ringbuf_reserve));
	USE(bpf_core_enum_value_exists(enum bpf_func_id___some, BPF_FUNC_map_lookup_elem___old));
	USE(bpf_core_enum_value_exists(enum bpf_func_id___some, BPF_FUNC_skep_no_such___x));
	USE(bpf_core_enum_value_exists(enum skep_no_such_enum, SKEP_NO_SUCH));
	USE(bpf_core_enum_value(enum bpf_func_id, BPF_FUNC_ringbuf_reserve));
	USE(bpf_core_enum_value(enum bpf_func_id___some, BPF_FUNC_map_lookup_elem___old));
	USE(bpf_core_enum_value(enum zone_type, __MAX_NR_ZONES));
	if (bpf_core_enum_value_exists(enum skep_no_such_enum, SKEP_NO_SUCH))
		USE(bpf_core_enum_value(enum skep_no_such_enum, SKEP_NO_SUCH));
	return 0;
}

/* The instruction itself reads the field, so its size is the kernel's. */
SEC("tp_btf/sched_process_exit") int direct(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct list_head___small *list = (void *)task;

	USE(task->pid);
	USE(task->real_parent->tgid);
	USE(task->flags);
	USE(task->nsproxy->count.refs.counter);
	if (bpf_core_type_exists(struct skep_no_such_struct))
		USE(list->next);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Iterators of every sort: one that writes lines, one that writes records, one that fills a map, one over a map. */
#include "skep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SKEP_PARAM(__u32, only_pid, 0, "this process alone");

struct task_row {
	__u32 pid;
	__u64 seen SKEP_PRIVATE;
	char comm[16];
};
SKEP_ROWS(rows, struct task_row);

SKEP_HASH(gauge_threads, __u32, __u64, 16);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u64);
} table SEC(".maps");

SEC("iter/task") int lines(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task && task->tgid == only_pid)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d \"%s\"\n", task->pid, task->comm);
	return 0;
}

SEC("iter/task") int rows(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_row row = {};

	if (!task || task->tgid != only_pid)
		return 0;
	row.pid = task->pid;
	bpf_probe_read_kernel_str(row.comm, sizeof(row.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}

SEC("iter/task") int fills(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 pid = only_pid;

	if (task && task->tgid == only_pid)
		skep_add(&gauge_threads, &pid, 1);
	return 0;
}

/* Hardened kernels have none of these. */
SKEP_OPTIONAL SEC("iter/bpf_map_elem") int elements(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 *key = ctx->key;

	if (key && ctx->value)
		BPF_SEQ_PRINTF(ctx->meta->seq, "key %u\n", *key);
	return 0;
}

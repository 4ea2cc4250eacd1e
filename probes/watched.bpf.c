// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Which tasks and sockets belong to the owners that were asked for: of all there are, and none of them is current. */
#include "skep.h"
#include "skep_filter.h"

#define TCP_LISTEN 10

SKEP_PARAM_PORTS(ports, 4, "only sockets that listen here");

struct task_row {
	__u32 pid;
};
SKEP_ROWS(tasks, struct task_row);

struct socket_row {
	__u32 port;
};
SKEP_ROWS(sockets, struct socket_row);

SEC("iter/task") int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_row row = {};

	/* Threads are tasks as well. */
	if (!task || task->pid != task->tgid || !skep_task_watched(task))
		return 0;
	row.pid = task->tgid;
	bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}

SEC("iter/tcp") int sockets(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct socket_row row = {};

	/* Half-made and dying ones are no struct sock. */
	if (!common || common->skc_state != TCP_LISTEN)
		return 0;
	row.port = common->skc_num;
	if (skep_in(ports, row.port) && skep_socket_watched((struct sock *)common))
		bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";

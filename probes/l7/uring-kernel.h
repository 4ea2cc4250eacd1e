/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * uring-kernel.h: what the kernel knows of a request of io_uring: what it asks for, of which file, at which address.
 */
#ifndef SKEP_L7_URING_KERNEL_H
#define SKEP_L7_URING_KERNEL_H

#include "work.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct io_cqe___l7 {
	__u64 user_data;
	int fd;
};
struct io_cmd_data___l7 {
	struct file *file;
};
struct io_wq_work___l7 {
	int cancel_seq;
};
struct io_ring_ctx___l7;
struct io_kiocb___l7 {
	struct file *file;
	struct io_cmd_data___l7 cmd;
	__u8 opcode;
	__u32 flags; /* 64 bits later, the first of them the same */
	struct io_cqe___l7 cqe;
	struct io_ring_ctx___l7 *ctx;
	struct hlist_node hash_node;
	void *async_data;
	struct io_wq_work___l7 work;
};
/* What a request keeps in async_data until it is through; since Linux 6.10 always, and then the second has `iter` itself. */
struct iov_iter___l7 {
	__u8 iter_type;
	size_t iov_offset;
	union {
		void *ubuf;
		void *__iov;
	};
	unsigned long nr_segs;
};
struct msghdr___l7 {
	struct iov_iter___l7 msg_iter;
};
struct io_async_msghdr___l7 {
	struct msghdr___l7 msg;
};
struct io_async_rw___l7 {
	struct iov_iter___l7 iter;
};
struct io_sr_msg___l7 {
	void *buf;
	int len;
	unsigned int done_io;
	unsigned int msg_flags;
	__u16 flags;
};
struct io_rw___l7 {
	__u64 addr;
	__u32 len;
};
struct io_worker___l7 {
	struct io_wq_work___l7 *cur_work;
};
/* Files that are registered with a ring: until Linux 6.12, and after. */
struct io_fixed_file___l7 {
	unsigned long file_ptr;
};
struct io_file_table___array {
	struct io_fixed_file___l7 *files;
};
struct io_ring_ctx___array {
	struct io_file_table___array file_table;
};
struct io_rsrc_node___l7 {
	unsigned long file_ptr;
};
struct io_rsrc_data___l7 {
	struct io_rsrc_node___l7 **nodes;
};
struct io_file_table___nodes {
	struct io_rsrc_data___l7 data;
};
struct io_ring_ctx___nodes {
	struct io_file_table___nodes file_table;
};
struct io_ring_ctx___l7 {
	unsigned int compat : 1;
};
#pragma clang attribute pop

enum iter_type___l7 {
	ITER_UBUF___l7,
	ITER_IOVEC___l7,
};

/* enum io_uring_op, as far as it moves bytes of sockets. */
enum l7_uring_operation {
	L7_URING_READV = 1,
	L7_URING_WRITEV = 2,
	L7_URING_READ_FIXED = 4,
	L7_URING_WRITE_FIXED = 5,
	L7_URING_SENDMSG = 9,
	L7_URING_RECVMSG = 10,
	L7_URING_READ = 22,
	L7_URING_WRITE = 23,
	L7_URING_SEND = 26,
	L7_URING_RECV = 27,
	L7_URING_SPLICE = 30,
	L7_URING_SEND_ZC = 47,
	L7_URING_SENDMSG_ZC = 48,
	L7_URING_READ_MULTISHOT = 49,
	L7_URING_RECV_ZC = 58,
	L7_URING_READV_FIXED = 60,
	L7_URING_WRITEV_FIXED = 61,
};

/* The first flags of a request are those of its entry in the queue (IOSQE_*). */
#define L7_URING_FIXED_FILE 0x1
#define L7_URING_BUFFER_SELECT 0x20
/* IORING_RECVSEND_POLL_FIRST: of a request's flags the only one that leaves its address what it is. */
#define L7_URING_POLL_FIRST 0x1
#define L7_URING_MULTISHOT 0x2
/* IORING_SEND_ZC_REPORT_USAGE: another. */
#define L7_URING_REPORT_USAGE 0x8
/* IORING_SEND_VECTORIZED: newer kernels set it of themselves for SENDMSG, whose address is that of a msghdr all the same. */
#define L7_URING_VECTORIZED 0x20

/* Does an operation send or receive a message? Others read or write. */
static __always_inline bool l7_uring_is_message(__u8 opcode)
{
	return opcode == L7_URING_SEND || opcode == L7_URING_RECV || opcode == L7_URING_SENDMSG || opcode == L7_URING_RECVMSG ||
	       opcode == L7_URING_SEND_ZC || opcode == L7_URING_SENDMSG_ZC;
}

/* What the kernel holds as a request's address. */
static __always_inline __u64 l7_uring_address(struct io_kiocb___l7 *req, __u8 opcode)
{
	void *cmd = (void *)req + bpf_core_field_offset(struct io_kiocb___l7, cmd);

	if (opcode == L7_URING_READ || opcode == L7_URING_WRITE || opcode == L7_URING_READV || opcode == L7_URING_WRITEV)
		return BPF_CORE_READ((struct io_rw___l7 *)cmd, addr);
	return (__u64)BPF_CORE_READ((struct io_sr_msg___l7 *)cmd, buf);
}

static __always_inline bool l7_is_socket_file(struct file *file)
{
	return file && (BPF_CORE_READ(file, f_inode, i_mode) & 0170000) == 0140000;
}

/* The file that a request which is submitted now is for. */
static __noinline struct file *l7_uring_file(struct io_kiocb___l7 *req, __u32 flags)
{
	__u32 descriptor = BPF_CORE_READ(req, cqe.fd);
	struct io_ring_ctx___l7 *ctx = BPF_CORE_READ(req, ctx);
	__u64 file = 0;

	if (!(flags & L7_URING_FIXED_FILE)) {
		struct task_struct *task = (struct task_struct *)bpf_get_current_task();
		struct fdtable *table = BPF_CORE_READ(task, files, fdt);

		if (descriptor < BPF_CORE_READ(table, max_fds))
			bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + descriptor);
		return (struct file *)file;
	}
	/* A number that is out of range has been refused, or is read as rubbish, which is no socket then or ends in -EFAULT. */
	if (bpf_core_field_exists(struct io_ring_ctx___nodes, file_table.data.nodes)) {
		struct io_rsrc_node___l7 *node = 0;
		struct io_rsrc_node___l7 **nodes = BPF_CORE_READ((struct io_ring_ctx___nodes *)ctx, file_table.data.nodes);

		bpf_probe_read_kernel(&node, sizeof(node), nodes + descriptor);
		if (node)
			file = BPF_CORE_READ(node, file_ptr);
	} else if (bpf_core_field_exists(struct io_ring_ctx___array, file_table.files)) {
		struct io_fixed_file___l7 *files = BPF_CORE_READ((struct io_ring_ctx___array *)ctx, file_table.files);

		bpf_probe_read_kernel(&file, sizeof(file), files + descriptor);
	}
	/* Flags are in the lowest bits. */
	return (struct file *)(file & ~7ULL);
}

#endif /* SKEP_L7_URING_KERNEL_H */

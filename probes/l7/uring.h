/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * uring.h: the bytes that io_uring moves. Whoever does its work (the task that submits, a task that has come out of
 * another call, a worker, the thread that polls the queue) has registers that say nothing of it. So requests that send or
 * receive on a socket are noted when they are submitted, by file and direction, until they are completed. A hook on the
 * socket that fires where io_uring may be at work takes the request that is being carried out: a worker says which one it
 * is; elsewhere it is the only one of that direction that has begun and does not wait to be woken. Where there are
 * several, none is taken: their bytes are unseen, by reason, as without this.
 *
 * A note is believed only while the kernel's request still is what was noted: same operation, user data, address, file.
 * Buffers that the kernel chooses (provided, registered), multishot, zero-copy receive and splice are noted too, so that
 * they are not taken for another, and never looked at. Of a vector the first piece is: a header is nearly always there.
 */
#ifndef SKEP_L7_URING_H
#define SKEP_L7_URING_H

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
	struct io_wq_work___l7 work;
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
/* IORING_SEND_VECTORIZED: newer kernels set it of themselves for SENDMSG, whose address is that of a msghdr all the same. */
#define L7_URING_VECTORIZED 0x20
#define L7_MSG_WAITALL 0x100
#define L7_IO_URING_ENTER 426 /* on every processor */

/* A request on its way. */
struct l7_uring_request {
	__u64 request;		/* address of its struct io_kiocb */
	__u64 user_data;
	__u64 address;		/* as it was asked for: of the buffer, of the vector, of the msghdr */
	__u64 base;		/* of the buffer, or of a vector's first piece; 0: not to be looked at */
	__u32 length;		/* of that */
	__u8 opcode;
	__u8 pad[3];
};
struct l7_uring_place {
	__u64 file;	/* address of the socket's struct file, with the direction in its lowest bit */
	__u64 slot;
};
#define L7_URING_SLOTS 4 /* more of one direction on one socket: one further note says that there are */

SKEP_LRU_HASH(l7_uring_requests, struct l7_uring_place, struct l7_uring_request, 16384);

__u32 l7_uring_used; /* whether io_uring moves bytes of any socket at all */

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
	return (struct file *)(file & ~7ULL); /* flags in the lowest bits */
}

/* A vector's first piece. The kernel takes a copy as a request is submitted: afterwards the program may change its own. */
static __always_inline void l7_uring_first(__u64 table, struct l7_uring_request *r)
{
	__u64 piece[2];

	if (bpf_probe_read_user(piece, sizeof(piece), (void *)table))
		return;
	r->base = piece[0];
	r->length = piece[1] > 0x7fffffff ? 0x7fffffff : piece[1];
}

/* What the kernel holds as a request's address. */
static __always_inline __u64 l7_uring_address(struct io_kiocb___l7 *req, __u8 opcode)
{
	void *cmd = (void *)req + bpf_core_field_offset(struct io_kiocb___l7, cmd);

	if (opcode == L7_URING_READ || opcode == L7_URING_WRITE || opcode == L7_URING_READV || opcode == L7_URING_WRITEV)
		return BPF_CORE_READ((struct io_rw___l7 *)cmd, addr);
	return (__u64)BPF_CORE_READ((struct io_sr_msg___l7 *)cmd, buf);
}

/* Where the bytes of a request lie that is submitted now; a base of 0 where that is not known. */
static __always_inline void l7_uring_read(struct io_kiocb___l7 *req, __u32 flags, struct l7_uring_request *r)
{
	void *cmd = (void *)req + bpf_core_field_offset(struct io_kiocb___l7, cmd);
	struct io_sr_msg___l7 *sr = cmd;
	struct l7_msghdr header;
	struct io_ring_ctx___l7 *ctx = BPF_CORE_READ(req, ctx);
	bool compat = false;

	if (flags & L7_URING_BUFFER_SELECT)
		return;
	r->address = l7_uring_address(req, r->opcode);
	if (bpf_core_field_exists(struct io_ring_ctx___l7, compat))
		compat = BPF_CORE_READ_BITFIELD_PROBED(ctx, compat);
	switch (r->opcode) {
	case L7_URING_SEND:
	case L7_URING_RECV:
		if (BPF_CORE_READ(sr, flags) & ~L7_URING_POLL_FIRST)
			return;
		r->base = r->address;
		r->length = BPF_CORE_READ(sr, len);
		return;
	case L7_URING_READ:
	case L7_URING_WRITE:
		r->base = r->address;
		r->length = BPF_CORE_READ((struct io_rw___l7 *)cmd, len);
		return;
	case L7_URING_SENDMSG:
	case L7_URING_RECVMSG:
		if (compat || BPF_CORE_READ(sr, flags) & ~(L7_URING_POLL_FIRST | L7_URING_VECTORIZED) ||
		    bpf_probe_read_user(&header, sizeof(header), (void *)r->address) || !header.parts)
			return;
		l7_uring_first(header.iov, r);
		return;
	case L7_URING_READV:
	case L7_URING_WRITEV:
		if (!compat && BPF_CORE_READ((struct io_rw___l7 *)cmd, len))
			l7_uring_first(r->address, r);
	}
}

/* 1 + the direction in which an operation moves bytes, 0 for none. */
static __always_inline __u32 l7_uring_direction(__u8 opcode)
{
	switch (opcode) {
	case L7_URING_READV:
	case L7_URING_READ_FIXED:
	case L7_URING_RECVMSG:
	case L7_URING_READ:
	case L7_URING_RECV:
	case L7_URING_READ_MULTISHOT:
	case L7_URING_RECV_ZC:
	case L7_URING_READV_FIXED:
		return 1 + L7_RECEIVE;
	case L7_URING_WRITEV:
	case L7_URING_WRITE_FIXED:
	case L7_URING_SENDMSG:
	case L7_URING_WRITE:
	case L7_URING_SEND:
	case L7_URING_SPLICE: /* its file is the one that is written to */
	case L7_URING_SEND_ZC:
	case L7_URING_SENDMSG_ZC:
	case L7_URING_WRITEV_FIXED:
		return 1 + L7_SEND;
	}
	return 0;
}

/* Is the kernel's request still the one that was noted? */
static __noinline bool l7_uring_same(struct l7_uring_request *r)
{
	struct io_kiocb___l7 *req = (struct io_kiocb___l7 *)r->request;

	return BPF_CORE_READ(req, opcode) == r->opcode && BPF_CORE_READ(req, cqe.user_data) == r->user_data;
}

/* Puts a note in this place, if that is free; false when it is not. */
static __noinline bool l7_uring_noted(struct l7_uring_place *place, __u64 slot, struct l7_uring_request *note)
{
	struct l7_uring_request *r;
	__u64 old;

	place->slot = slot;
	r = bpf_map_lookup_elem(&l7_uring_requests, place);
	if (!r)
		return !bpf_map_update_elem(&l7_uring_requests, place, note, BPF_NOEXIST);
	/* One whose end was not told. Two tasks may come to take its place at once. */
	old = r->request;
	if (old != note->request && l7_uring_same(r))
		return false;
	if (__sync_val_compare_and_swap(&r->request, old, note->request) != old)
		return false;
	r->user_data = note->user_data;
	r->address = note->address;
	r->base = note->base;
	r->length = note->length;
	r->opcode = note->opcode;
	return true;
}

static __noinline int l7_uring_submitted(struct io_kiocb___l7 *req)
{
	struct l7_uring_request note = { .request = (__u64)req };
	struct l7_uring_place place = {};
	struct file *file;
	__u32 direction, flags;

	note.opcode = BPF_CORE_READ(req, opcode);
	direction = l7_uring_direction(note.opcode);
	if (!direction)
		return 0;
	flags = BPF_CORE_READ(req, flags);
	file = l7_uring_file(req, flags);
	if (!l7_is_socket_file(file))
		return 0;
	l7_uring_used = 1;
	place.file = (__u64)file | (direction - 1);
	note.user_data = BPF_CORE_READ(req, cqe.user_data);
	l7_uring_read(req, flags, &note);
	/* Not a loop: the verifier may take one whose counter is in memory for endless. */
	if (l7_uring_noted(&place, 0, &note) || l7_uring_noted(&place, 1, &note) || l7_uring_noted(&place, 2, &note) ||
	    l7_uring_noted(&place, 3, &note))
		return 0;
	place.slot = L7_URING_SLOTS;
	bpf_map_update_elem(&l7_uring_requests, &place, &note, BPF_ANY);
	return 0;
}

static __noinline bool l7_uring_dropped(struct l7_uring_place *place, __u64 slot, struct io_kiocb___l7 *req)
{
	struct l7_uring_request *r;

	place->slot = slot;
	r = bpf_map_lookup_elem(&l7_uring_requests, place);
	if (!r || r->request != (__u64)req)
		return false;
	bpf_map_delete_elem(&l7_uring_requests, place);
	return true;
}

static __always_inline int l7_uring_completed(struct io_kiocb___l7 *req)
{
	struct l7_uring_place place = {};
	__u32 direction;

	/* Further results of one request come without it. */
	if (!req || !l7_uring_used)
		return 0;
	direction = l7_uring_direction(BPF_CORE_READ(req, opcode));
	if (!direction)
		return 0;
	place.file = (__u64)BPF_CORE_READ(req, file) | (direction - 1);
	if (l7_uring_dropped(&place, 0, req) || l7_uring_dropped(&place, 1, req) || l7_uring_dropped(&place, 2, req) ||
	    l7_uring_dropped(&place, 3, req))
		return 0;
	l7_uring_dropped(&place, L7_URING_SLOTS, req);
	return 0;
}

/*
 * Where io_uring may be at work for the current task, and if a worker says so the request that it carries out. A task of a
 * program is within io_uring_enter, or in no call, or its call has its result.
 */
static __always_inline bool l7_uring_at_work(__u64 *carried)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 flags = BPF_CORE_READ(task, flags);
	struct l7_registers r;

	*carried = 0;
	if (flags & L7_PF_KTHREAD)
		return false;
	if (flags & L7_PF_IO_WORKER) {
		struct io_worker___l7 *worker = BPF_CORE_READ(task, worker_private);

		if (!worker)
			return true; /* the thread that polls the queue */
		*carried = (__u64)BPF_CORE_READ(worker, cur_work);
		if (!*carried)
			return false;
		*carried -= bpf_core_field_offset(struct io_kiocb___l7, work);
		return true;
	}
	l7_read_registers(task, l7_saved_registers(task), &r, false);
	return r.ended || r.number == L7_IO_URING_ENTER || (__s32)r.number == -1;
}

/* Does a request wait until its socket wakes it? Then it is in a list, and what is before it points to it. */
static __always_inline bool l7_uring_waits(struct io_kiocb___l7 *req)
{
	void *own = (void *)req + bpf_core_field_offset(struct io_kiocb___l7, hash_node);
	struct hlist_node **before = BPF_CORE_READ(req, hash_node.pprev);
	void *next = 0;

	if (before)
		bpf_probe_read_kernel(&next, sizeof(next), before);
	return next == own;
}

/* Linux 6.0 to 6.2 have another name for the tracepoint, and an older verifier: nothing is done there. */
typedef void (*btf_trace_io_uring_submit_req___l7)(void *, struct io_kiocb___l7 *);
#define L7_URING_KNOWN                                              \
	(bpf_core_type_exists(btf_trace_io_uring_submit_req___l7) && \
	 bpf_core_field_exists(struct io_kiocb___l7, cmd) &&          \
	 bpf_core_field_exists(struct io_sr_msg___l7, done_io) &&     \
	 bpf_core_field_exists(struct io_worker___l7, cur_work))

/* May the request in this place be at work? With `carried`, is it that one? A global function, looked at once. */
__noinline int l7_uring_may_move(__u64 file, __u64 slot, __u64 carried)
{
	struct l7_uring_place place = { .file = file, .slot = slot };
	struct l7_uring_request *r;
	struct io_kiocb___l7 *req;

	if (!L7_URING_KNOWN)
		return 0;
	r = bpf_map_lookup_elem(&l7_uring_requests, &place);
	if (!r || !l7_uring_same(r))
		return 0;
	req = (struct io_kiocb___l7 *)r->request;
	/* The kernel sets the file when it begins with a request. */
	if ((__u64)BPF_CORE_READ(req, file) != (file & ~1ULL))
		return 0;
	return carried ? carried == r->request : !l7_uring_waits(req);
}

/* The place of the request that moves bytes of this socket now; false when that is not known for sure. */
static __always_inline bool l7_uring_which(struct l7_uring_place *place)
{
	__u64 carried;
	__u32 moving;

	if (!l7_uring_at_work(&carried) || l7_uring_may_move(place->file, L7_URING_SLOTS, carried))
		return false;
	moving = !!l7_uring_may_move(place->file, 0, carried);
	moving |= l7_uring_may_move(place->file, 1, carried) ? 2 : 0;
	moving |= l7_uring_may_move(place->file, 2, carried) ? 4 : 0;
	moving |= l7_uring_may_move(place->file, 3, carried) ? 8 : 0;
	place->slot = moving >> 1 == 4 ? 3 : moving >> 1;
	return moving && !(moving & (moving - 1));
}

/*
 * Finds the message that io_uring moves on the socket at this address, and says so in the work at `index`; beyond the last
 * work it only asks whether there is one. A global function: the verifier looks at it once. Returns 1 when it is known.
 */
__noinline int l7_uring_message(__u64 socket, __u32 direction, __u32 index)
{
	struct l7_uring_place place = {};
	struct l7_work *work = l7_work_at(index);
	struct l7_uring_request *r;
	struct io_kiocb___l7 *req;
	__u32 done = 0, flags = 0;

	if (!L7_URING_KNOWN)
		return 0;
	place.file = (__u64)BPF_CORE_READ((struct sock *)socket, sk_socket, file);
	if (!place.file)
		return 0;
	place.file |= direction & 1;
	if (!l7_uring_which(&place))
		return 0;
	r = bpf_map_lookup_elem(&l7_uring_requests, &place);
	if (!r || !r->base)
		return 0;
	if (!work)
		return 1;
	req = (struct io_kiocb___l7 *)r->request;
	if (r->opcode == L7_URING_SEND || r->opcode == L7_URING_RECV || r->opcode == L7_URING_SENDMSG ||
	    r->opcode == L7_URING_RECVMSG) {
		struct io_sr_msg___l7 *sr = (void *)req + bpf_core_field_offset(struct io_kiocb___l7, cmd);

		flags = BPF_CORE_READ(sr, msg_flags);
		/* With MSG_WAITALL a request goes on where it stopped, and some kernels move its address along. */
		done = BPF_CORE_READ(sr, done_io);
	}
	if (l7_uring_address(req, r->opcode) - r->address > done)
		return 0;
	work->message.base = r->base + done;
	work->message.length = r->length > done ? r->length - done : 0;
	work->message.parts = 0;
	work->message.flags = flags;
	work->message.compat = false;
	/* What has been seen stays only where more may come: not each completion is told (IOSQE_CQE_SKIP_SUCCESS). */
	if (!(flags & L7_MSG_WAITALL))
		bpf_map_delete_elem(&l7_uring_requests, &place);
	return 1;
}

/* ---- io_uring's own hooks ---- */

#define L7_URING_WITHOUT SKEP_OPTIONAL SKEP_WITHOUT("messages that io_uring moves are unseen")

struct io_kiocb;

L7_URING_WITHOUT SKEP_RUNG(uring, 1, submit_req)
SKEP_TP_BTF(io_uring_submit_req, l7_uring_submit_req, struct io_kiocb *req)
{
	return l7_uring_submitted((struct io_kiocb___l7 *)req);
}

L7_URING_WITHOUT SKEP_RUNG(uring, 1, submit_req)
SKEP_TP_BTF(io_uring_complete, l7_uring_complete, void *ring, void *req)
{
	return l7_uring_completed(req);
}

#endif /* SKEP_L7_URING_H */

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
 * Since Linux 6.10 the request itself says where its bytes lie, whoever chose the buffer and however many there are.
 * Before, buffers that the kernel chooses (provided) and multishot are noted only so that they are not taken for another,
 * and never looked at, as registered buffers, zero-copy receive and splice always; and of a vector the first piece is.
 */
#ifndef SKEP_L7_URING_H
#define SKEP_L7_URING_H

#include "uring-notes.h"

#define L7_MSG_WAITALL 0x100
#define L7_IO_URING_ENTER 426 /* on every processor */

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
	return carried ? carried == r->request : r->multishot || !l7_uring_waits(req);
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

/* Where Linux has it since 6.10, as the program's buffers or a table of them that the kernel has taken a copy of. */
#define L7_URING_KEEPS bpf_core_field_exists(struct io_async_rw___l7, iter)

/*
 * What a request keeps says which bytes of it `moved` just now are. Of messages it has been moved on by so much; reading
 * and writing do that afterwards. False: it is not the program's memory (registered buffers), or `done` of it were before.
 */
static __always_inline bool l7_uring_kept(struct io_kiocb___l7 *req, struct l7_uring_request *r, bool is_message, __u32 done,
					  __u32 moved, struct l7_message *m)
{
	void *kept = BPF_CORE_READ(req, async_data);
	struct iov_iter___l7 *iter = kept + (is_message ? bpf_core_field_offset(struct io_async_msghdr___l7, msg.msg_iter)
							: bpf_core_field_offset(struct io_async_rw___l7, iter));
	__u8 type = BPF_CORE_READ(iter, iter_type);
	__u64 at = BPF_CORE_READ(iter, iov_offset), left = BPF_CORE_READ(iter, nr_segs);

	if (!kept)
		return false;
	m->base = (__u64)BPF_CORE_READ(iter, ubuf);
	if (type == bpf_core_enum_value(enum iter_type___l7, ITER_UBUF___l7)) {
		if (is_message)
			at -= moved;
		m->base += at;
		m->length = moved;
		m->parts = 0;
		return (__s64)at >= 0;
	}
	if (type != bpf_core_enum_value(enum iter_type___l7, ITER_IOVEC___l7) || done)
		return false;
	m->table = L7_TABLE_KERNEL;
	m->parts = left;
	if (is_message) {
		m->base -= (r->parts - left) * sizeof(struct iovec);
		m->parts = r->parts;
		return r->parts >= left;
	}
	return !at;
}

/*
 * Finds the message of which io_uring has moved bytes on the socket at this address, and says so in the work at `index`. A
 * global function: the verifier looks at it once. Returns 1 when it is known.
 */
__noinline int l7_uring_message(__u64 socket, __u32 direction, __u32 index)
{
	struct l7_uring_place place = {};
	struct l7_work *work = l7_work_at(index);
	struct l7_uring_request *r;
	struct io_kiocb___l7 *req;
	__u32 done = 0, flags = 0;
	bool is_message;

	if (!L7_URING_KNOWN)
		return 0;
	place.file = (__u64)BPF_CORE_READ((struct sock *)socket, sk_socket, file);
	if (!place.file)
		return 0;
	place.file |= direction & 1;
	if (!l7_uring_which(&place))
		return 0;
	r = bpf_map_lookup_elem(&l7_uring_requests, &place);
	if (!r || !work)
		return 0;
	req = (struct io_kiocb___l7 *)r->request;
	is_message = l7_uring_is_message(r->opcode);
	if (is_message) {
		struct io_sr_msg___l7 *sr = (void *)req + bpf_core_field_offset(struct io_kiocb___l7, cmd);

		flags = BPF_CORE_READ(sr, msg_flags);
		/* With MSG_WAITALL a request goes on where it stopped, and some kernels move its address along. */
		done = BPF_CORE_READ(sr, done_io);
	}
	work->message.table = L7_TABLE_OWN;
	if (!L7_URING_KEEPS || !l7_uring_kept(req, r, is_message, done, work->end, &work->message)) {
		if (!r->base || l7_uring_address(req, r->opcode) - r->address > done)
			return 0;
		work->message.base = r->base + done;
		work->message.length = r->length > done ? r->length - done : 0;
		work->message.parts = 0;
		work->message.table = L7_TABLE_OWN;
	}
	work->message.flags = flags;
	/* What has been seen stays only where more may come: not each completion is told (IOSQE_CQE_SKIP_SUCCESS). */
	if (!(flags & L7_MSG_WAITALL || r->multishot))
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

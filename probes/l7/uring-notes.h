/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * uring-notes.h: requests of io_uring that send or receive on a socket are noted from their submission until they are
 * completed, by file and direction.
 */
#ifndef SKEP_L7_URING_NOTES_H
#define SKEP_L7_URING_NOTES_H

#include "uring-kernel.h"

/* A request on its way. */
struct l7_uring_request {
	__u64 request;		/* address of its struct io_kiocb */
	__u64 user_data;
	__u64 address;		/* as it was asked for: of the buffer, of the vector, of the msghdr */
	__u64 base;		/* of the buffer, or of a vector's first piece; 0: not to be looked at */
	__u32 length;		/* of that */
	__u8 opcode;
	__u8 multishot;		/* it goes on after what it has moved, and waits all the while */
	__u16 parts;		/* of its vector */
};
struct l7_uring_place {
	__u64 file;	/* address of the socket's struct file, with the direction in its lowest bit */
	__u64 slot;
};
#define L7_URING_SLOTS 4 /* more of one direction on one socket: one further note says that there are */

SKEP_LRU_HASH(l7_uring_requests, struct l7_uring_place, struct l7_uring_request, 16384);

__u32 l7_uring_used; /* whether io_uring moves bytes of any socket at all */

/* Is the kernel's request still the one that was noted? */
static __noinline bool l7_uring_same(struct l7_uring_request *r)
{
	struct io_kiocb___l7 *req = (struct io_kiocb___l7 *)r->request;

	return BPF_CORE_READ(req, opcode) == r->opcode && BPF_CORE_READ(req, cqe.user_data) == r->user_data;
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

/* Where the bytes of a request lie that is submitted now; a base of 0 where that is not known. */
static __always_inline void l7_uring_read(struct io_kiocb___l7 *req, __u32 flags, struct l7_uring_request *r)
{
	void *cmd = (void *)req + bpf_core_field_offset(struct io_kiocb___l7, cmd);
	struct io_sr_msg___l7 *sr = cmd;
	struct l7_msghdr header;
	struct io_ring_ctx___l7 *ctx = BPF_CORE_READ(req, ctx);
	bool compat = false;

	if (r->opcode == L7_URING_RECV || r->opcode == L7_URING_RECVMSG)
		r->multishot = !!(BPF_CORE_READ(sr, flags) & L7_URING_MULTISHOT);
	if (flags & L7_URING_BUFFER_SELECT)
		return;
	r->address = l7_uring_address(req, r->opcode);
	if (bpf_core_field_exists(struct io_ring_ctx___l7, compat))
		compat = BPF_CORE_READ_BITFIELD_PROBED(ctx, compat);
	switch (r->opcode) {
	case L7_URING_SEND:
	case L7_URING_SEND_ZC:
	case L7_URING_RECV:
		if (BPF_CORE_READ(sr, flags) & ~(L7_URING_POLL_FIRST | L7_URING_REPORT_USAGE))
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
	case L7_URING_SENDMSG_ZC:
	case L7_URING_RECVMSG:
		if (compat ||
		    BPF_CORE_READ(sr, flags) & ~(L7_URING_POLL_FIRST | L7_URING_VECTORIZED | L7_URING_REPORT_USAGE) ||
		    bpf_probe_read_user(&header, sizeof(header), (void *)r->address) || !header.parts)
			return;
		r->parts = header.parts;
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
	r->multishot = note->multishot;
	r->parts = note->parts;
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

#endif /* SKEP_L7_URING_NOTES_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * message.h: the bytes of the message that a system call sends or receives, found through its saved registers.
 *
 * The hooks on sockets fire within the call, or at its end, and know the socket and the length; the program's buffer is
 * still in the registers that the kernel saved when the call began. That is another program's memory, so the registers
 * are believed only when
 *   - the task runs for a program (no kernel thread, no io_uring worker: those have somebody else's, or none),
 *   - the call has not ended (what io_uring does at the end of an unrelated call, it does under that call's registers),
 *   - it is one that sends, and the hook is that of sending, or one that receives, and the hook is that of receiving,
 *   - and the descriptor in its first argument is this very socket.
 * Otherwise the bytes are counted as unseen, by reason, and nothing is read; unless uring.h knows them.
 */
#ifndef SKEP_L7_MESSAGE_H
#define SKEP_L7_MESSAGE_H

#include "registers.h"

/* Why the bytes of a message were not looked at. */
enum l7_unseen {
	L7_SEEN,
	L7_KERNEL,	/* a kernel thread's, or an io_uring worker's */
	L7_SYSCALL,	/* within a call that names no buffer for it: io_uring_enter, sendfile, splice */
	L7_DESCRIPTOR,	/* the call's descriptor is another socket, or was closed meanwhile */
	L7_ENDED,	/* after the call that the registers belong to */
	L7_DISCARDED,	/* MSG_TRUNC on TCP: consumed, copied nowhere */
	L7_UNREADABLE,	/* the program's memory was paged out, or the message has more parts than are looked at */
	L7_BYPASSED,	/* past the hooks: splice from TCP, zero-copy receive, sendfile before Linux 6.5 */
	L7_UNSEEN_REASONS,
};

/* Where the bytes lie: in one piece, or in `parts` pieces that a table of iovecs in user memory names. */
struct l7_message {
	__u64 base;	/* of the piece, or of the table */
	__u64 length;	/* of the piece */
	__u32 parts;	/* 0: one piece */
	__u32 flags;	/* MSG_*, as the call gave them; sending hooks are not told */
	__u8 table;	/* enum l7_table */
};
enum l7_table {
	L7_TABLE_OWN,
	L7_TABLE_COMPAT,	/* a 32-bit program's: iovecs of two words of 32 bits */
	L7_TABLE_KERNEL,	/* the kernel's copy of it, in its own memory */
};

#define L7_PF_IO_WORKER 0x00000010
#define L7_PF_USER_WORKER 0x00004000 /* 6.4 */
#define L7_PF_KTHREAD 0x00200000

#define L7_MSG_OOB 0x1
#define L7_MSG_PEEK 0x2
#define L7_MSG_TRUNC 0x20
#define L7_MSG_ERRQUEUE 0x2000

/* What tells whether a descriptor of the current task is this socket. */
struct l7_files {
	__u64 own;		/* the socket's file */
	struct file **table;	/* the task's files, by descriptor */
	__u32 size;
};

/* Read at once: each look through a pointer that the verifier knows costs it a search in the kernel's types, on each path. */
static __always_inline void l7_read_files(struct task_struct *task, struct sock *sk, struct l7_files *f, bool trusted)
{
	struct fdtable *table = trusted ? task->files->fdt : BPF_CORE_READ(task, files, fdt);

	f->own = (__u64)(trusted ? sk->sk_socket->file : BPF_CORE_READ(sk, sk_socket, file));
	f->table = L7_FIELD(trusted, table, fd);
	f->size = L7_FIELD(trusted, table, max_fds);
}

static __always_inline bool l7_is_socket(struct l7_files *f, __u32 descriptor, bool trusted)
{
	__u64 file = 0;

	if (descriptor >= f->size)
		return false;
	/* Any structure that begins with a pointer. */
	if (trusted && L7_CASTS())
		file = (__u64)L7_CAST(f->table + descriptor, struct list_head)->next;
	else
		bpf_probe_read_kernel(&file, sizeof(file), f->table + descriptor);
	return file && file == f->own;
}

struct l7_msghdr {
	__u64 name, name_length, iov, parts;
};
struct l7_compat_msghdr {
	__u32 name, name_length, iov, parts;
};
/* sizeof(struct mmsghdr): a msghdr, how much was sent, padding. */
#define L7_MMSGHDR_BYTES 64
#define L7_COMPAT_MMSGHDR_BYTES 32

static __always_inline enum l7_unseen l7_read_msghdr(__u64 at, bool compat, struct l7_message *m)
{
	if (compat) {
		struct l7_compat_msghdr header;

		if (bpf_probe_read_user(&header, sizeof(header), (void *)at))
			return L7_UNREADABLE;
		m->base = header.iov;
		m->parts = header.parts;
	} else {
		struct l7_msghdr header;

		if (bpf_probe_read_user(&header, sizeof(header), (void *)at))
			return L7_UNREADABLE;
		m->base = header.iov;
		m->parts = header.parts;
	}
	return m->parts ? L7_SEEN : L7_UNREADABLE;
}

/*
 * sendmmsg and recvmmsg move several messages, and the hooks fire for each. Which one it is, is counted here: the same
 * thread, the same table, the next message; it ends with the table, with an error, or with a message that is not full.
 */
struct l7_batch {
	__u64 table;
	__u32 next;
};
SKEP_LRU_HASH(l7_batches, __u64, struct l7_batch, 1024);

__u32 l7_batching; /* whether anybody uses these calls at all */

static __always_inline void l7_end_batch(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	if (l7_batching)
		bpf_map_delete_elem(&l7_batches, &thread);
}

static __always_inline __u64 l7_batch_entry(struct l7_registers *r)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct l7_batch *known = bpf_map_lookup_elem(&l7_batches, &thread);
	struct l7_batch batch = { .table = r->args[1] };

	if (known && known->table == batch.table && known->next < r->args[2])
		batch.next = known->next;
	if (batch.next + 1 >= r->args[2]) {
		bpf_map_delete_elem(&l7_batches, &thread);
	} else {
		struct l7_batch after = { .table = batch.table, .next = batch.next + 1 };

		l7_batching = 1;
		bpf_map_update_elem(&l7_batches, &thread, &after, BPF_ANY);
	}
	return batch.table + (__u64)batch.next * (r->compat ? L7_COMPAT_MMSGHDR_BYTES : L7_MMSGHDR_BYTES);
}

/*
 * Finds the current task's message for a hook of this direction on this socket. `at_exit`: the call has its result.
 * `trusted`: the verifier knows what `sk` points to.
 */
static __always_inline enum l7_unseen l7_find_message(struct sock *sk, enum l7_direction direction, bool at_exit,
						      struct l7_message *m, bool trusted)
{
	struct task_struct *task = trusted ? bpf_get_current_task_btf() : (struct task_struct *)bpf_get_current_task();
	struct l7_registers r;
	struct l7_files files;
	struct l7_call call;

	if (L7_FIELD(trusted, task, flags) & (L7_PF_KTHREAD | L7_PF_IO_WORKER | L7_PF_USER_WORKER))
		return L7_KERNEL;
	if (trusted && bpf_core_enum_value_exists(enum bpf_func_id___since_5_15, BPF_FUNC_task_pt_regs___since_5_15))
		l7_read_registers(task, (struct pt_regs *)bpf_task_pt_regs(task), &r, true);
	else
		l7_read_registers(task, l7_saved_registers(task), &r, false);
	if (!at_exit && r.ended)
		return L7_ENDED;
	l7_read_files(task, sk, &files, trusted);
	if (!r.compat)
		call = l7_call_of(r.number);
#ifdef L7_SOCKETCALL
	else if (r.number == L7_SOCKETCALL)
		call = l7_socketcall(&r);
#endif
	else
		call = l7_compat_call_of(r.number);
	if (call.shape == L7_NONE || call.direction != direction)
		return L7_SYSCALL;
	if (!l7_is_socket(&files, r.args[0], trusted))
		return L7_DESCRIPTOR;
	m->table = r.compat ? L7_TABLE_COMPAT : L7_TABLE_OWN;
	m->parts = 0;
	m->flags = 0;
	switch (call.shape) {
	case L7_BUFFER_FLAGS:
		m->flags = r.args[3];
	case L7_BUFFER:
		m->base = r.args[1];
		m->length = r.args[2];
		return L7_SEEN;
	case L7_IOVECS:
		m->base = r.args[1];
		m->parts = r.args[2];
		return m->parts ? L7_SEEN : L7_UNREADABLE;
	case L7_MSGHDR:
		m->flags = r.args[2];
		return l7_read_msghdr(r.args[1], r.compat, m);
	}
	m->flags = r.args[3];
	return l7_read_msghdr(l7_batch_entry(&r), r.compat, m);
}

/* A place in a message, moved forward only. */
struct l7_cursor {
	__u64 piece;		/* address of the piece that it is in */
	__u64 piece_length;
	__u64 piece_start;	/* where in the message that piece begins */
	__u32 part;		/* the next piece */
};

/* UIO_MAXIOV: more pieces than this no call takes. */
#define L7_PARTS 1024

static __always_inline bool l7_next_piece(struct l7_message *m, struct l7_cursor *c)
{
	__u64 pair[2] = {};

	if (c->part >= m->parts || c->part >= L7_PARTS)
		return false;
	if (m->table == L7_TABLE_OWN) {
		if (bpf_probe_read_user(pair, sizeof(pair), (void *)(m->base + c->part * sizeof(pair))))
			return false;
	} else if (m->table == L7_TABLE_KERNEL) {
		if (bpf_probe_read_kernel(pair, sizeof(pair), (void *)(m->base + c->part * sizeof(pair))))
			return false;
	} else {
		__u32 small[2] = {};

		if (bpf_probe_read_user(small, sizeof(small), (void *)(m->base + c->part * sizeof(small))))
			return false;
		pair[0] = small[0];
		pair[1] = small[1];
	}
	c->piece_start += c->piece_length;
	c->piece = pair[0];
	c->piece_length = pair[1];
	c->part++;
	return true;
}

/* `before`: bytes that come before the message. */
static __always_inline void l7_first_piece(struct l7_message *m, struct l7_cursor *c, __u64 before)
{
	__builtin_memset(c, 0, sizeof(*c));
	c->piece_start = before;
	if (!m->parts) {
		c->piece = m->base;
		c->piece_length = m->length;
	}
}

#endif /* SKEP_L7_MESSAGE_H */

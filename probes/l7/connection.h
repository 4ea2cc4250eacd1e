/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * connection.h: what is known of a connection, behind one accessor: in the socket's own storage where the hooks may use
 * it (tp_btf and fentry since 5.11), else in a hash that forgets what was not used for longest.
 *
 * Its two directions are seen by two hooks that may run on two CPUs at once. So each direction writes its own stream
 * only (but see l7_settle() and l7_adopt()); requests that wait for their response pass from one to the other through a
 * queue with one writer at each end.
 */
#ifndef SKEP_L7_CONNECTION_H
#define SKEP_L7_CONNECTION_H

#define L7_AF_UNIX 1
#define L7_AF_INET 2
#define L7_AF_INET6 10

enum l7_role { L7_ROLE_UNKNOWN, L7_SERVER, L7_CLIENT };

enum l7_protocol {
	L7_UNDECIDED,	/* no message has been recognised yet */
	L7_HTTP1,
	L7_LEFT,	/* something else from here on: an upgrade, a tunnel */
	L7_FOREIGN,	/* another protocol */
	L7_UNWATCHED,	/* somebody whom nobody asked for */
};

/* A request that waits for its response. */
struct l7_request {
	__u64 started;
	__u64 path;		/* fingerprint */
	__u64 body;
	__u32 number;
	__u8 method;
	__u8 traced;		/* `parent` is the caller's trace context */
	__u16 status;		/* of its response, once that has been seen */
	__u32 route;		/* its number, 0 when it was not known */
	__u32 passed;		/* L7_WHOLE, L7_ANSWERED: only ever added to */
	__u8 parent[32];
};

/* What both directions say of a request in one number, so that of two that say it at once one at least sees both. */
#define L7_WHOLE 1		/* its body has come to an end; said again when there are two ends of it */
#define L7_IS_WHOLE 0xffff
#define L7_ANSWERED 0x10000

/* Requests on their way, in the connection itself; a pipeline that is deeper goes on in a map. */
#define L7_QUEUE 4

/* A surplus whose length is not told: it comes in chunks, or nothing says where it ends. */
#define L7_SURPLUS_CHUNKS 0xffffffff
#define L7_SURPLUS_ENDLESS 0xfffffffe

struct l7_connection {
	__u8 protocol;
	__u8 role;
	__u8 turns;		/* changes of direction that began with nothing we know */
	__u8 direction;		/* of the last message, 1 + enum l7_direction; 0: none */
	__u32 process;		/* the tgid that moved its last message */
	__u64 peer;		/* see who.h; 0 until it was asked */
	__u32 service;		/* of that process, as it was then */
	__u32 generation;	/* of l7_services by then */
	__u32 pushed;		/* requests seen, by the requests' direction */
	__u32 popped;		/* responses seen, by the other */
	__u32 inode;		/* of the socket, where the storage is by its address */
	__u16 port;		/* the server's */
	__u16 error;		/* of the last call that failed, errno */
	__u64 ahead;		/* a response that came before its request: when it ended, 0 for none */
	__u64 ahead_body;
	__u32 sequence[2];	/* TCP's own, behind the last message of each direction */
	__u32 ahead_sequence;	/* of a client, how far the socket had sent by then, or when an orphan's header was read; of a server, its requests by then */
	__u16 ahead_status;
	__u16 family;		/* AF_* */
	__u8 over;		/* it ended within a call that sends: what that sent is yet to be seen */
	__u8 numbered;		/* TCP counts the bytes that its calls move; not Unix sockets, MPTCP, nor what the kernel encrypts */
	__u8 busy[2];		/* by enum l7_direction: a hook is at work on it */
	__u32 settled[2];	/* bytes that were taken for unseen since the direction's last message, see l7_settle() */
	__u8 orphan;		/* a response is under way whose request was not seen */
	__u8 garbled;		/* its client said what is no HTTP/1, and what a server may refuse as it does a request */
	__u8 pad2[2];
	__u32 surplus;		/* length of a body that the last answer should not have, and that may come nevertheless */
	__u32 surplus_after;	/* of that answer: `popped` behind it */
	__u32 mourned;		/* requests counted as lost whose responses may be seen nevertheless */
	struct http1_stream stream[2]; /* by enum l7_direction */
	struct l7_request queue[L7_QUEUE];
};

SKEP_STORAGE(l7_by_socket, BPF_MAP_TYPE_SK_STORAGE, struct l7_connection);
SKEP_LRU_HASH(l7_by_address, __u64, struct l7_connection, 16384);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct l7_connection);
} l7_new_connection SEC(".maps");

/* Linux before 5.6 kept the type in bits. */
static __always_inline __u16 l7_socket_type(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_type);
}

/* Inode numbers of sockets are not used again for a long time; their addresses are at once. */
static __always_inline __u32 l7_socket_inode(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
}

/* `stored`: by the socket's storage. NULL when it is not known, or when there is no room for it and `create`. */
static __always_inline struct l7_connection *l7_connection_of(struct sock *sk, bool stored, bool create)
{
	struct l7_connection *c, *fresh;
	__u64 address = (__u64)sk;
	__u32 zero = 0;

	if (stored) {
		c = bpf_sk_storage_get(&l7_by_socket, sk, 0, create ? BPF_SK_STORAGE_GET_F_CREATE : 0);
		if (!c && create)
			skep_lose(&l7_by_socket);
		return c;
	}
	c = bpf_map_lookup_elem(&l7_by_address, &address);
	/* Nobody says when a Unix socket ends on some rungs, and the next one may get its address. */
	if (c && c->family == L7_AF_UNIX && c->inode != l7_socket_inode(sk))
		c = 0;
	if (!create || c)
		return c;
	fresh = bpf_map_lookup_elem(&l7_new_connection, &zero);
	if (!fresh)
		return 0;
	skep_update(&l7_by_address, &address, fresh, BPF_ANY);
	c = bpf_map_lookup_elem(&l7_by_address, &address);
	if (c)
		c->inode = l7_socket_inode(sk);
	return c;
}

static __always_inline void l7_forget_connection(struct sock *sk, bool stored)
{
	__u64 address = (__u64)sk;

	if (!stored)
		bpf_map_delete_elem(&l7_by_address, &address);
}

/*
 * Requests beyond L7_QUEUE, by connection and number. One that is found no more when its response comes, or that had no
 * room to begin with, is lost then. What a connection leaves here when it ends is read by nobody: a later one at the same
 * address writes a number before it reads it.
 */
struct l7_deep {
	__u64 connection;
	__u64 number;
};
SKEP_LRU_HASH(l7_deep_requests, struct l7_deep, struct l7_request, 8192);

/*
 * Requests that were answered before all of their body had been seen, by connection and when they started: the bytes of it
 * that are counted. Who comes first leaves them here, and who comes second counts the rest. Between two processors a map is
 * all that every kernel has for that.
 */
SKEP_LRU_HASH(l7_early, struct l7_deep, __u64, 4096);

#define L7_EEXIST 17
#define L7_IS_FIRST -1

static __always_inline __s64 l7_meet(struct l7_connection *c, __u64 started, __u64 bytes)
{
	struct l7_deep key = { .connection = (__u64)c, .number = started };
	__s64 counted = 0;
	__u64 *other;

	if (skep_update(&l7_early, &key, &bytes, BPF_NOEXIST) != -L7_EEXIST)
		return L7_IS_FIRST;
	other = bpf_map_lookup_elem(&l7_early, &key);
	if (other)
		counted = *other;
	bpf_map_delete_elem(&l7_early, &key);
	return counted;
}

/* Room for the next request at the queue's end; the scratch `spare` where it goes to the map (see l7_push). */
static __always_inline struct l7_request *l7_queue_end(struct l7_connection *c, struct l7_request *spare)
{
	__u32 number = c->pushed;

	return number - c->popped < L7_QUEUE ? &c->queue[number & (L7_QUEUE - 1)] : spare;
}

static __always_inline void l7_push(struct l7_connection *c, struct l7_request *r, struct l7_request *spare)
{
	r->number = c->pushed;
	if (r == spare) {
		struct l7_deep key = { .connection = (__u64)c, .number = r->number };

		bpf_map_update_elem(&l7_deep_requests, &key, r, BPF_ANY);
	}
	barrier();
	c->pushed++;
}

/* A request by its number; NULL when it is known no more. One that has had its response has no `started`. */
static __always_inline struct l7_request *l7_numbered(struct l7_connection *c, __u32 number)
{
	struct l7_deep key = { .connection = (__u64)c, .number = number };
	struct l7_request *r = &c->queue[number & (L7_QUEUE - 1)];

	return r->number == number ? r : bpf_map_lookup_elem(&l7_deep_requests, &key);
}

static __always_inline bool l7_is_whole(struct l7_request *r)
{
	return *(volatile __u32 *)&r->passed & L7_IS_WHOLE;
}

static __always_inline bool l7_is_answered(struct l7_request *r)
{
	return *(volatile __u32 *)&r->passed & L7_ANSWERED;
}

/* The newest request, which may have had its response. */
static __always_inline struct l7_request *l7_newest(struct l7_connection *c)
{
	return l7_numbered(c, c->pushed - 1);
}

/* The request that the next response is for, or NULL. */
static __always_inline struct l7_request *l7_oldest(struct l7_connection *c)
{
	return c->popped == c->pushed ? 0 : l7_numbered(c, c->popped);
}

static __always_inline void l7_pop(struct l7_connection *c, struct l7_request *r)
{
	struct l7_deep key = { .connection = (__u64)c, .number = c->popped };

	r->started = 0;
	/* Of one that is not whole more is to be counted. */
	if (r != &c->queue[c->popped & (L7_QUEUE - 1)] && l7_is_whole(r))
		bpf_map_delete_elem(&l7_deep_requests, &key);
	barrier();
	c->popped++;
}

#endif /* SKEP_L7_CONNECTION_H */

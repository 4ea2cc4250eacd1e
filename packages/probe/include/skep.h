/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * skep.h: what a skep probe includes. One line, `#include "skep.h"`, brings the kernel's types
 * (vmlinux.h), libbpf's helpers, and the small vocabulary below.
 *
 * Everything here travels in the object's BTF. A map's rows, a parameter's default, a column's unit are
 * read back from the compiled object; there is no file beside it to lose.
 *
 *     struct event {
 *         __u32 pid;
 *         ipv4_addr peer SKEP_HELP("who was called");
 *         duration_ns took SKEP_UNIT("ns");
 *     };
 *     SKEP_RINGBUF(print_calls, struct event, 256 * 1024) SKEP_HELP("one row a call");
 *     SKEP_PARAM(__u32, min_bytes, 0, "leave out calls smaller than this");
 *
 * A map's name says what becomes of it: print_* are rows, counter_*, gauge_* and hist_* are metrics.
 */
#ifndef SKEP_H
#define SKEP_H

/* Raised when a source that compiled and worked would do so no longer; images say which one they were built with. */
#define SKEP_H_VERSION 1

#ifdef SOLO_TYPES_H
#error "skep.h and solo_types.h name different types ipv6_addr (16 bytes here, 4 bytes there): in a new probe drop solo_types.h, in a bee program drop skep.h"
#else

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

/* ---- types that say what a number means (decoded by the typedef's name) ---- */

typedef __u32 ipv4_addr;                        /* network order, as in struct sock: 10.0.0.1 */
typedef struct { __u8 byte[16]; } ipv6_addr;    /* network order: 2001:db8::1 (v4-mapped: ::ffff:10.0.0.1) */
typedef struct { __u8 byte[16]; } ip_addr;      /* either family, IPv4 mapped: 10.0.0.1 or 2001:db8::1 */

typedef struct { __u8 byte[16]; } trace_id_t;   /* W3C trace context: 4bf92f3577b34da6a3ce929d0e0e4736; empty if all zero */
typedef struct { __u8 byte[8]; } span_id_t;

typedef __u64 duration_ns;                      /* shown as 1.5ms; a plain number in JSON */
typedef __u64 duration_us;
typedef __u64 duration_ms;
typedef __u64 timestamp_ns;                     /* bpf_ktime_get_ns(): shown as the time of day */
typedef __u64 boot_timestamp_ns;                /* bpf_ktime_get_boot_ns(): the same */

typedef __u64 bytes_t;                          /* shown as 1.2 MiB */
typedef __s32 errno_t;                          /* 2 or -2: ENOENT */
typedef __u32 syscall_t;                        /* a syscall's number: openat */
typedef __s32 signal_t;                         /* SIGTERM */
typedef __u32 open_flags_t;                     /* open(2): O_WRONLY|O_CREAT */
typedef __u32 user_id_t;                        /* a uid: root */
typedef __u8 tcp_state_t;                       /* ESTABLISHED */
typedef __u64 cgroup_id_t;                      /* bpf_get_current_cgroup_id(): cgroup v2 */

/* Return addresses, filled by bpf_get_stack(ctx, e->stack, sizeof(e->stack), 0), or with
 * BPF_F_USER_STACK for the second. Zero the array first: a short stack ends at the first 0. */
#ifndef SKEP_STACK_DEPTH
#define SKEP_STACK_DEPTH 32
#endif
typedef __u64 kernel_stack_t[SKEP_STACK_DEPTH]; /* shown with kernel symbols */
typedef __u64 user_stack_t[SKEP_STACK_DEPTH];   /* with symbols of the process in the member pid or tgid beside it */

/* The id of a stack in a map made by SKEP_STACKS: four bytes in a key or record instead of the addresses, and the
 * kernel counts equal stacks as one. Filled by skep_kernel_stack() and skep_user_stack(). */
typedef __s32 kernel_stack_id_t;
typedef __s32 user_stack_id_t;

/* ---- what BTF has no place for: put behind a struct's member, a map or a parameter ---- */

#if __has_attribute(btf_decl_tag)
#define SKEP_TAG(text) __attribute__((btf_decl_tag("skep:" text)))
#else
#define SKEP_TAG(text)
#endif

#define SKEP_HELP(text) SKEP_TAG("help=" text)  /* one sentence, shown in --help, describe and # HELP */
#define SKEP_UNIT(text) SKEP_TAG("unit=" text)  /* the unit of a metric's number: bytes, seconds, ns */
#define SKEP_LABEL SKEP_TAG("label")            /* this member is a metric's label */
#define SKEP_VALUE SKEP_TAG("value")            /* this member is the number that is counted or observed */
#define SKEP_PRIVATE SKEP_TAG("private")        /* this member never leaves the kernel side: not shown, not exported */
#define SKEP_OF_STACKS(map) SKEP_TAG("stacks=" #map) /* this stack id is of that map; needed where there are several */
#define SKEP_PID SKEP_TAG("pid")                /* this member is the process whose stack is beside it, if not called pid or tgid */
#define SKEP_SHARED SKEP_TAG("shared")          /* this map is one for all objects of the image that name it */
#define SKEP_OPTIONAL SKEP_TAG("optional")      /* before a program: it, or its group, is left out, and said so, where this kernel lacks its hook */

/*
 * ---- alternatives of hooks: a group is one job, its rungs are ways to do it, and each kernel takes the first it carries.
 *
 *     static __always_inline int connects(struct sock *sk) { ...BPF_CORE_READ(sk, ...)... }
 *
 *     SKEP_RUNG(connect, 1, fentry) SKEP_FENTRY(tcp_connect, by_fentry, struct sock *sk) { return connects(sk); }
 *     SKEP_RUNG(connect, 2, kprobe) SKEP_KPROBE(tcp_connect, by_kprobe, struct sock *sk) { return connects(sk); }
 *
 * Programs with the same group and name are one rung, taken or refused together: an entry and its return. The order is
 * yours, 1 is best. A program may be in several rungs of its group. With SKEP_OPTIONAL on one of its programs the probe
 * runs where the group has no rung, and says SKEP_WITHOUT's text. `skep run --explain` shows it all.
 */

#define SKEP_RUNG(group, order, name) SKEP_TAG("rung=" #group "," #order "," #name)
#define SKEP_WITHOUT(text) SKEP_TAG("without=" text) /* what is missing from the output then: "no latency" */

#define SKEP_SINCE(version) SKEP_TAG("since=" #version) /* older kernels are refused: SKEP_SINCE(7.0) */

/*
 * Before a program that runs behind another one, on the same hook, for what that one did not: the kernel skips a program that
 * is running on the processor already, which may be because it was preempted. `counter`, a global of 64 bits, counts the runs
 * that it made up for. Of `program` only the others are then shown as missed, and of this one none.
 */
#define SKEP_STANDS_IN(program, counter) SKEP_TAG("stands_in=" #program "," #counter)

/*
 * Thin entries: section, macro of libbpf and the arguments' types in one. A kernel whose function or tracepoint has
 * other arguments is passed over, so name those that are read, from the first on. The body is shared by all kinds, so it
 * reads kernel structs by BPF_CORE_READ.
 */
#define SKEP_FENTRY(function, name, args...) SEC("fentry/" #function) SKEP_TAG("args=" #args) int BPF_PROG(name, ##args)
/* All arguments of the function, then what it returns. */
#define SKEP_FEXIT(function, name, args...) SEC("fexit/" #function) SKEP_TAG("args=" #args) int BPF_PROG(name, ##args)
#define SKEP_KPROBE(function, name, args...) SEC("kprobe/" #function) SKEP_TAG("args=" #args) int BPF_KPROBE(name, ##args)
/* What it returns, and nothing else. */
#define SKEP_KRETPROBE(function, name, args...) SEC("kretprobe/" #function) int BPF_KRETPROBE(name, ##args)
#define SKEP_TP_BTF(event, name, args...) SEC("tp_btf/" #event) SKEP_TAG("args=" #args) int BPF_PROG(name, ##args)
#define SKEP_RAW_TP(event, name, args...) SEC("raw_tp/" #event) SKEP_TAG("args=" #args) int BPF_PROG(name, ##args)

/* An event whose arguments the body, `int body(void *ctx)`, does not need: as tp_btf, raw_tp, or else tracepoint. */
#define SKEP_EVENT(group, category, event, body)                                                    \
	SKEP_RUNG(group, 1, tp_btf) SKEP_TP_BTF(event, body##_tp_btf) { return body(ctx); }         \
	SKEP_RUNG(group, 2, raw_tp) SKEP_RAW_TP(event, body##_raw_tp) { return body(ctx); }         \
	SKEP_RUNG(group, 3, tracepoint) SEC("tracepoint/" #category "/" #event)                     \
	int body##_tracepoint(void *ctx) { return body(ctx); }

#include "skep_params.h"

/* ---- streams of events: a ring buffer where the kernel has it (5.8), else a perf buffer, from one source ---- */

/*
 *     SKEP_EVENTS(print_calls, struct event, 256 * 1024) SKEP_HELP("one row a call");
 *     ...
 *     struct event *e = skep_begin(print_calls);
 *     if (!e)
 *         return 0;
 *     ...; skep_send(ctx, print_calls, e);
 *
 * What finds no room is counted in `name_lost`, which the runtime shows. Which of the two buffers it is, a constant
 * says that the runtime sets before it loads the object, so the verifier drops the other half. Loaded by anything else
 * it is a ring buffer. `bytes` are a power of two, a page at least: the ring's, or, where that is more than 32 KiB for
 * each, shared out among the CPUs' perf buffers.
 *
 * A perf buffer has no reserve: there the record is filled in memory of its own, one piece for each use that is under
 * way on a CPU (a program that interrupts another, or that runs while another is preempted). There are SKEP_DEPTH of
 * them; a further use gets no record, which is counted as well. Every skep_begin() must come to its skep_send() or
 * skep_drop(); for the ring the verifier sees to it.
 */
#define SKEP_DEPTH 4

#define SKEP_EVENTS(name, event, bytes)                  \
	__u64 name##_lost;                               \
	const volatile bool __##name##_perf = false;     \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); \
		__uint(max_entries, SKEP_DEPTH);         \
		__type(key, __u32);                      \
		__type(value, struct { __u64 users; event record; }); \
	} scratch_##name SEC(".maps");                   \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_RINGBUF);      \
		__uint(max_entries, bytes);              \
		__type(value, event);                    \
	} name SEC(".maps")

/* Room for one record of a stream, a pointer to its struct; or NULL, and counted. The record holds whatever was there
 * before: write every member. */
#define skep_begin(events)                                                               \
	({                                                                               \
		typeof(events.value) __record;                                           \
		if (__##events##_perf)                                                   \
			__record = skep_take_scratch(&scratch_##events);                 \
		else                                                                     \
			__record = bpf_ringbuf_reserve(&events, sizeof(*__record), 0);   \
		if (!__record)                                                           \
			__sync_fetch_and_add(&events##_lost, 1);                         \
		__record;                                                                \
	})

/* Sends it. `ctx` is what the program was called with. */
#define skep_send(ctx, events, record)                                                   \
	({                                                                               \
		typeof(events.value) __sent = (record);                                  \
		if (!__##events##_perf) {                                                \
			bpf_ringbuf_submit(__sent, 0);                                   \
		} else {                                                                 \
			if (bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, __sent, sizeof(*__sent))) \
				__sync_fetch_and_add(&events##_lost, 1);                 \
			skep_give_scratch(__sent);                                       \
		}                                                                        \
	})

/* Gives it back unsent. */
#define skep_drop(events, record)                                                        \
	({                                                                               \
		typeof(events.value) __dropped = (record);                               \
		if (!__##events##_perf)                                                  \
			bpf_ringbuf_discard(__dropped, 0);                               \
		else                                                                     \
			skep_give_scratch(__dropped);                                    \
	})

/*
 * A piece of this CPU's scratch memory that nobody else uses: whoever finds themselves its only user after they have
 * said that they use it. Two that meet may both go on to the next piece, never both stay. No atomic operation that
 * returns a value, since those came with 5.12.
 */
static __always_inline void *skep_take_scratch(void *scratch)
{
#pragma unroll
	for (__u32 i = 0; i < SKEP_DEPTH; i++) {
		__u32 key = i;
		__u64 *users = bpf_map_lookup_elem(scratch, &key);

		if (!users)
			return 0;
		__sync_fetch_and_add(users, 1);
		if (*(volatile __u64 *)users == 1)
			return users + 1;
		__sync_fetch_and_add(users, -1);
	}
	return 0;
}

static __always_inline void skep_give_scratch(void *record)
{
	__sync_fetch_and_add((__u64 *)record - 1, -1);
}

/* ---- maps. A ring buffer's or perf buffer's `event` names the struct of its records ---- */

/* For ring buffers alone, and only where there are any; SKEP_EVENTS is for both. The kernel does not count the records that a full ring buffer refuses, so the probe does: `name_lost` is read
 * by the runtime and shown as lost. Reserve with skep_reserve() and nothing is lost in silence. */
#define SKEP_RINGBUF(name, event, bytes)                 \
	__u64 name##_lost;                               \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_RINGBUF);      \
		__uint(max_entries, bytes);              \
		__type(value, event);                    \
	} name SEC(".maps")

#define SKEP_PERF(name, event)                           \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); \
		__type(key, __u32);                      \
		__type(value, event);                    \
	} name SEC(".maps")

/* `name_lost` counts what skep_add() could not, because the map was full; it is read as that of a ring buffer is. */
#define SKEP_MAP(name, kind, key_type, value_type, entries) \
	__u64 name##_lost;                               \
	struct {                                         \
		__uint(type, kind);                      \
		__uint(max_entries, entries);            \
		__type(key, key_type);                   \
		__type(value, value_type);               \
	} name SEC(".maps")

#define SKEP_HASH(name, key_type, value_type, entries) \
	SKEP_MAP(name, BPF_MAP_TYPE_HASH, key_type, value_type, entries)
#define SKEP_LRU_HASH(name, key_type, value_type, entries) \
	SKEP_MAP(name, BPF_MAP_TYPE_LRU_HASH, key_type, value_type, entries)
#define SKEP_PERCPU_HASH(name, key_type, value_type, entries) \
	SKEP_MAP(name, BPF_MAP_TYPE_PERCPU_HASH, key_type, value_type, entries)
#define SKEP_ARRAY(name, value_type, entries) \
	SKEP_MAP(name, BPF_MAP_TYPE_ARRAY, __u32, value_type, entries)
#define SKEP_PERCPU_ARRAY(name, value_type, entries) \
	SKEP_MAP(name, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, value_type, entries)

/* The stacks that ids stand for, each up to 127 frames deep (kernel.perf_event_max_stack). Ids in the keys of
 * `counter_` maps make flame graphs: skep run --flame FILE.svg. */
#define SKEP_STACKS(name, entries)                           \
	__u64 name##_lost;                                   \
	struct {                                             \
		__uint(type, BPF_MAP_TYPE_STACK_TRACE);      \
		__uint(max_entries, entries);                \
		__uint(key_size, sizeof(__u32));             \
		__uint(value_size, 127 * sizeof(__u64));     \
	} name SEC(".maps")

/* The id of the current stack, of the kernel or of the user; negative where there is none. The map has one place for
 * each hash: a stack whose place another has taken is counted in `name_lost`.
 *     key.kernel = skep_kernel_stack(ctx, &stacks); */
#define skep_stack_id(ctx, map, flags)                                                   \
	({                                                                               \
		long __id = bpf_get_stackid(ctx, map, flags);                            \
		if (__id < 0 && __id != -14 /* EFAULT: no such stack */)                 \
			__sync_fetch_and_add(map##_lost, 1);                             \
		(__s32)__id;                                                             \
	})
#define skep_kernel_stack(ctx, map) skep_stack_id(ctx, map, 0)
#define skep_user_stack(ctx, map) skep_stack_id(ctx, map, BPF_F_USER_STACK)

/*
 * What an iterator writes with bpf_seq_write(), a row each: put it beside the program.
 *     SKEP_ROWS(tasks, struct task_row);
 *     SEC("iter/task") int tasks(struct bpf_iter__task *ctx) { ...; bpf_seq_write(ctx->meta->seq, &row, sizeof(row)); }
 * Without it, what an iterator writes is shown as lines of text, as BPF_SEQ_PRINTF() makes them.
 */
#define SKEP_ROWS(program, row) row *skep_rows_##program SEC("skep") = 0

/* Room for one record in a ring buffer made by SKEP_RINGBUF, or NULL (and counted) when it is full:
 *     struct event *e = skep_reserve(print_calls, struct event);
 *     if (!e) return 0;
 *     ...; skep_submit(e);
 * The record holds whatever was in the ring before: write every member. */
#define skep_reserve(name, event)                                                        \
	({                                                                               \
		event *__record = bpf_ringbuf_reserve(&name, sizeof(event), 0);          \
		if (!__record)                                                           \
			__sync_fetch_and_add(&name##_lost, 1);                           \
		__record;                                                                \
	})
#define skep_submit(record) bpf_ringbuf_submit(record, 0)

/* Adds to a number in a hash map declared by SKEP_HASH and its like; the first time the key gets it. Safe when two CPUs
 * meet at a new key. A map that is full takes no new key: what is not added is counted in `name_lost`. */
#define skep_add(map, key, amount)                                                       \
	({                                                                               \
		__u64 __amount = (amount);                                               \
		__u64 *__sum = bpf_map_lookup_elem(map, key);                            \
		if (!__sum) {                                                            \
			__u64 __zero = 0;                                                \
			bpf_map_update_elem(map, key, &__zero, BPF_NOEXIST);             \
			__sum = bpf_map_lookup_elem(map, key);                           \
		}                                                                        \
		if (__sum)                                                               \
			__sync_fetch_and_add(__sum, __amount);                           \
		else                                                                     \
			__sync_fetch_and_add(map##_lost, 1);                             \
	})

/*
 * Writes to a map that was declared here, and counts in `name_lost` what it refused for want of room; that a key is
 * there already (BPF_NOEXIST) or is not (BPF_EXIST) is no loss. Returns what bpf_map_update_elem() does. An LRU hash
 * refuses nothing: it forgets its oldest keys, and nobody counts them.
 */
#define skep_update(map, key, value, flags)                                              \
	({                                                                               \
		/* Until Linux 6.3 it is an int, in the lower half of the register. */   \
		int __error = bpf_map_update_elem(map, key, value, flags);               \
		if (__error && __error != -17 /* EEXIST */ && __error != -2 /* ENOENT */) \
			__sync_fetch_and_add(map##_lost, 1);                             \
		__error;                                                                 \
	})

/* The pointer as it is; NULL is counted in `name_lost`. For what makes room in a map and may find none:
 *     state = skep_found(&states, bpf_sk_storage_get(&states, sk, 0, BPF_SK_STORAGE_GET_F_CREATE)); */
#define skep_found(map, pointer)                                                         \
	({                                                                               \
		typeof(pointer) __found = (pointer);                                     \
		if (!__found)                                                            \
			__sync_fetch_and_add(map##_lost, 1);                             \
		__found;                                                                 \
	})

/* Counts one that came to nothing for a reason of the probe's own. */
#define skep_lose(map) __sync_fetch_and_add(map##_lost, 1)

/* State that lives and dies with a socket, task or cgroup: kind is BPF_MAP_TYPE_SK_STORAGE, …_TASK_STORAGE (5.11) or
 * …_CGRP_STORAGE (6.2). It is full only when memory is. */
#define SKEP_STORAGE(name, kind, value_type)             \
	__u64 name##_lost;                               \
	struct {                                         \
		__uint(type, kind);                      \
		__uint(map_flags, BPF_F_NO_PREALLOC);    \
		__type(key, int);                        \
		__type(value, value_type);               \
	} name SEC(".maps")

/* floor(log2(v)), 0 for 0: the slot of a power-of-two histogram. */
static __always_inline __u32 skep_log2(__u64 v)
{
	__u32 slot = 0, shift;

	shift = (v > 0xffffffffULL) << 5; v >>= shift; slot |= shift;
	shift = (v > 0xffff) << 4; v >>= shift; slot |= shift;
	shift = (v > 0xff) << 3; v >>= shift; slot |= shift;
	shift = (v > 0xf) << 2; v >>= shift; slot |= shift;
	shift = (v > 0x3) << 1; v >>= shift; slot |= shift;
	return slot | (v >> 1);
}

/*
 * Where v is counted in a power-of-two histogram of `slots` slots, itself a power of two: skep_log2(v), and the last
 * slot for all that is larger. The empty asm keeps clang from dropping the mask that it can see to be needless:
 * verifiers before 6.3 lose a bound that was checked on the lower half of a register, and need it.
 */
static __always_inline __u64 skep_slot(__u64 v, __u64 slots)
{
	__u64 slot = skep_log2(v);

	if (slot >= slots)
		slot = slots - 1;
	asm volatile("" : "+r"(slot));
	return slot & (slots - 1);
}

#endif /* SOLO_TYPES_H */
#endif /* SKEP_H */

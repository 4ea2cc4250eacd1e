/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * loss.h: what was not counted, and bytes that were not looked at, each with its reason.
 */
#ifndef SKEP_L7_LOSS_H
#define SKEP_L7_LOSS_H

#include "work.h"

enum l7_loss {
	L7_LOST_FORMAT,		/* bytes that are no HTTP/1 where a message should begin */
	L7_LOST_UNSEEN,		/* a header was among bytes that are not seen */
	L7_LOST_STEPS,		/* more messages in one call than are looked at */
	L7_LOST_HEADER,		/* a header without an end */
	L7_LOST_ALONE,		/* a response without a request: the connection is older than the probe */
	L7_LOST_SCRATCH,	/* no scratch memory on this CPU */
	L7_LOST_OPEN,		/* more of them waited at a connection's end than are counted as failed */
	L7_LOST_DEEP,		/* forgotten: pipelines were deeper than is remembered of all of them */
	L7_LOSSES,
};

struct l7_reasons {
	__u64 lost[8];		/* requests or responses, by enum l7_loss */
	__u64 unseen[8];	/* bytes, by enum l7_unseen */
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct l7_reasons);
} l7_reasons SEC(".maps") SKEP_HELP("what was not counted, and bytes that were not looked at, by reason");

static __always_inline void l7_lost(enum l7_loss reason, __u64 count)
{
	__u32 zero = 0;
	struct l7_reasons *r = bpf_map_lookup_elem(&l7_reasons, &zero);

	/* A program may be preempted. */
	if (r)
		__sync_fetch_and_add(&r->lost[reason & 7], count);
}

static __always_inline void l7_not_seen(enum l7_unseen reason, __u64 bytes)
{
	__u32 zero = 0;
	struct l7_reasons *r = bpf_map_lookup_elem(&l7_reasons, &zero);

	if (r)
		__sync_fetch_and_add(&r->unseen[reason & 7], bytes);
}

#endif /* SKEP_L7_LOSS_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * skep_latency.h: histograms of durations that are exact at the limits which people ask for.
 *
 *     #include "skep_latency.h"
 *     struct latency { __u32 slots[SKEP_LATENCY_SLOTS]; duration_ns sum; };
 *     SKEP_HASH(hist_requests, struct key, struct latency, 1024) SKEP_LATENCY SKEP_UNIT("ns");
 *     ...; __sync_fetch_and_add(&l->slots[skep_latency_slot(ns) & (SKEP_LATENCY_SLOTS - 1)], 1);
 *
 * From 1 us to 100 s, 32 slots for each power of ten: steps of 0.1 from 1 to 2, of 0.25 to 5, of 0.5 to 10. No slot is
 * wider than 12.5 % of its lower end, so the middle of one is never off by more than 6.25 %; and 5 ms, 25 ms, 250 ms,
 * 7.5 s, all the limits of OpenTelemetry's and Prometheus' usual histograms, are ends of slots. Powers of two have no
 * such limit among them. A slot takes what is at least its lower end and below its upper.
 */
#ifndef SKEP_LATENCY_H
#define SKEP_LATENCY_H

#ifndef SKEP_H
#error "include skep.h before skep_latency.h"
#endif

#define SKEP_LATENCY_SLOTS 256
/* Behind a hist_ map: its slots are these, not powers of two. */
#define SKEP_LATENCY SKEP_TAG("slots=latency")

/* Of a duration in nanoseconds; what is shorter than 1 us is in the first, what takes 100 s or more in the last. */
static __always_inline __u32 skep_latency_slot(__u64 ns)
{
	__u32 decade = 0;
	__u64 unit = 50; /* a twentieth of the decade's lower end: 1.00 is 20 units, 9.99 is 199 */

	if (ns < 1000)
		return 0;
	if (ns >= 100000000000ULL)
		return SKEP_LATENCY_SLOTS - 1;
	if (ns >= 10000000) {
		decade = 4;
		unit = 500000;
	}
	if (ns >= unit * 2000) {
		decade += 2;
		unit *= 100;
	}
	if (ns >= unit * 200) {
		decade += 1;
		unit *= 10;
	}
	ns /= unit;
	if (ns < 40)
		return decade * 32 + (ns - 20) / 2;
	if (ns < 100)
		return decade * 32 + 10 + (ns - 40) / 5;
	return decade * 32 + 22 + (ns - 100) / 10;
}

#endif /* SKEP_LATENCY_H */

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* A group that is needed, and no rung that any kernel has. */
#include "load.h"

SKEP_RUNG(calls, 1, tp_btf) SEC("tp_btf/skep_is_not_in_a_kernel") int by_tp_btf(void *ctx) { return hit(1); }
SKEP_RUNG(calls, 2, tracepoint)
SEC("tracepoint/skep/is_not_in_a_kernel") int by_tracepoint(void *ctx) { return hit(2); }

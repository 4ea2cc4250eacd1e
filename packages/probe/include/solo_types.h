/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * solo_types.h: the three type names that programs written for BumbleBee (`bee`) use, so that they build
 * here unchanged. Include vmlinux.h first. In a new probe use skep.h, whose ipv6_addr is a whole address.
 */
#ifndef SOLO_TYPES_H
#define SOLO_TYPES_H

#ifdef SKEP_H
#error "skep.h and solo_types.h name different types ipv6_addr (16 bytes there, 4 bytes here): in a new probe drop solo_types.h, in a bee program drop skep.h"
#else

typedef u32 ipv4_addr; /* network order */
typedef u32 ipv6_addr; /* 32 bits in bee, and shown as it shows them */
typedef u64 duration;  /* nanoseconds */

#endif /* SKEP_H */
#endif /* SOLO_TYPES_H */

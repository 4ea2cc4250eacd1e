// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * HTTP/1 requests of every service: how many, how they ended, how long they took; counted in the kernel, from what
 * sockets send and receive.
 */
#include "skep.h"
#include "../l7/http.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

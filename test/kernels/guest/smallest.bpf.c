// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
// The least that is a BPF object.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

SEC("socket")
int smallest(struct __sk_buff *skb)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

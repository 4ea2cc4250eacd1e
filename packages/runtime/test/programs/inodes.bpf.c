/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is kept with a file: Linux 5.10, with BPF among its security modules. */
#include "seen.h"

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} kept SEC(".maps");

SEC("lsm/file_open") int opened(__u64 *ctx)
{
	struct file *file = (void *)ctx[0];
	__u64 *n;

	if (!ours())
		return 0;
	n = bpf_inode_storage_get(&kept, file->f_inode, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (n && ++*n == 10)
		see(1, 1);
	return 0;
}

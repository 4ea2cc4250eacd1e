// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * How long reads and writes of files take, by file system: NFS, ext4, overlay, whatever is mounted.
 *
 * The system calls are hooked, so what is measured is what the program waits, page cache included. The file system is
 * found from the descriptor. Histograms are kept in the kernel: the price does not grow with the number of calls.
 */
#include "skep.h"
#include "skep_filter.h"

SKEP_PARAM_STRING(target_fs, 16, "only this file system type, as in /proc/filesystems (empty: all)");

#define SLOTS 32 /* up to 2^31 us, 36 minutes: a hung NFS server */

enum operation { READ, WRITE };

struct where {
	enum operation operation;
	char fs[16];
};

struct slots {
	__u64 slots[SLOTS];
};

struct call {
	__u64 started;
	struct where where;
};

SKEP_LRU_HASH(calls, __u64, struct call, 10240);
SKEP_HASH(hist_fs_latency, struct where, struct slots, 256) SKEP_UNIT("us")
	SKEP_HELP("Time that reads and writes of regular files took.");
SKEP_PERCPU_ARRAY(zero_slots, struct slots, 1);

#define S_IFMT 0170000
#define S_IFREG 0100000

static __always_inline bool same(const char *a, const volatile char *b)
{
	for (int i = 0; i < 16; i++) {
		if (a[i] != b[i])
			return false;
		if (!a[i])
			return true;
	}
	return true;
}

/*
 * The file behind one of the current process's descriptors. Since Linux 5.11 the task comes with its type, and what it
 * leads to is read without a call of a helper: a tenth of what the probe costs.
 */
static __always_inline struct file *file_of(__u32 fd)
{
	struct fdtable *table;
	struct file **slot, *file = 0;
	__u32 size;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
		table = bpf_get_current_task_btf()->files->fdt;
		slot = table->fd;
		size = table->max_fds;
	} else {
		table = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), files, fdt);
		slot = BPF_CORE_READ(table, fd);
		size = BPF_CORE_READ(table, max_fds);
	}
	if (fd < size)
		bpf_probe_read_kernel(&file, sizeof(file), slot + fd);
	return file;
}

/* Fills in the file system of one of the current process's regular files; false for pipes, sockets, devices. */
static __always_inline bool file_system(__u32 fd, char *fs, __u32 size)
{
	struct file *file = file_of(fd);
	struct inode *inode;

	if (!file)
		return false;
	inode = BPF_CORE_READ(file, f_inode);
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFREG)
		return false;
	return bpf_probe_read_kernel_str(fs, size, BPF_CORE_READ(inode, i_sb, s_type, name)) > 0;
}

static __always_inline int enter(__u32 fd, enum operation operation)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct call call = { .where.operation = operation };

	if (!skep_watched() || !file_system(fd, call.where.fs, sizeof(call.where.fs)))
		return 0;
	if (target_fs[0] && !same(call.where.fs, target_fs))
		return 0;
	call.started = bpf_ktime_get_ns();
	bpf_map_update_elem(&calls, &id, &call, BPF_ANY);
	return 0;
}

static __always_inline struct slots *slots_of(struct where *where)
{
	struct slots *slots = bpf_map_lookup_elem(&hist_fs_latency, where);
	__u32 first = 0;
	struct slots *zero;

	if (slots)
		return slots;
	/* 256 bytes of zeros: from a map, since the stack has only 512 */
	zero = bpf_map_lookup_elem(&zero_slots, &first);
	if (!zero)
		return 0;
	bpf_map_update_elem(&hist_fs_latency, where, zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&hist_fs_latency, where);
}

static __always_inline int leave(void)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&calls, &id);
	struct slots *slots;
	struct where where;
	__u64 took;

	if (!call)
		return 0;
	took = bpf_ktime_get_ns() - call->started;
	where = call->where;
	slots = slots_of(&where);
	if (slots)
		__sync_fetch_and_add(&slots->slots[skep_slot(took / 1000, SLOTS)], 1);
	else
		__sync_fetch_and_add(&hist_fs_latency_lost, 1);
	bpf_map_delete_elem(&calls, &id);
	return 0;
}

#define WATCH(call, operation)                                        \
	SKEP_RUNG(calls, 1, tracepoint)                                \
	SEC("tracepoint/syscalls/sys_enter_" #call)                   \
	int enter_##call(struct trace_event_raw_sys_enter *ctx)       \
	{                                                             \
		return enter(ctx->args[0], operation);                \
	}                                                             \
	SKEP_RUNG(calls, 1, tracepoint)                                \
	SEC("tracepoint/syscalls/sys_exit_" #call)                    \
	int leave_##call(struct trace_event_raw_sys_exit *ctx)        \
	{                                                             \
		return leave();                                       \
	}

WATCH(read, READ)
WATCH(pread64, READ)
WATCH(readv, READ)
WATCH(preadv, READ)
WATCH(preadv2, READ)
WATCH(write, WRITE)
WATCH(pwrite64, WRITE)
WATCH(writev, WRITE)
WATCH(pwritev, WRITE)
WATCH(pwritev2, WRITE)

/* Where a kernel has no tracepoints of system calls: the functions that those end in. The descriptor comes first in all. */
#define WATCH_FUNCTION(function, operation)                                                    \
	SKEP_RUNG(calls, 2, fentry)                                                            \
	SKEP_FENTRY(function, function##_begins, unsigned long fd) { return enter(fd, operation); } \
	SKEP_RUNG(calls, 2, fentry) SKEP_FEXIT(function, function##_ends) { return leave(); }  \
	SKEP_RUNG(calls, 3, kprobe)                                                            \
	SKEP_KPROBE(function, function##_probed, unsigned long fd) { return enter(fd, operation); } \
	SKEP_RUNG(calls, 3, kprobe) SKEP_KRETPROBE(function, function##_left) { return leave(); }

WATCH_FUNCTION(ksys_read, READ)
WATCH_FUNCTION(ksys_pread64, READ)
WATCH_FUNCTION(do_readv, READ)
WATCH_FUNCTION(do_preadv, READ)
WATCH_FUNCTION(ksys_write, WRITE)
WATCH_FUNCTION(ksys_pwrite64, WRITE)
WATCH_FUNCTION(do_writev, WRITE)
WATCH_FUNCTION(do_pwritev, WRITE)

char LICENSE[] SEC("license") = "Dual BSD/GPL";

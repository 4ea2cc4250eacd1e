// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Files that are opened: by whom, with which flags, and with what result.
 *
 * The path is read when the call returns: by then the kernel has read it itself, so its page is in memory and the
 * read does not fail for want of it.
 */
#include "skep.h"
#include "skep_filter.h"

SKEP_PARAM(bool, failed_only, false, "only calls that failed");

struct open {
	__u32 pid SKEP_HELP("process id");
	user_id_t uid SKEP_HELP("user");
	char comm[16] SKEP_HELP("command name");
	__s32 fd SKEP_HELP("the descriptor, -1 when the call failed");
	errno_t error SKEP_HELP("why the call failed, 0 when it did not");
	open_flags_t flags SKEP_HELP("as given to open(2)");
	duration_ns took SKEP_HELP("time in the call");
	char path[256] SKEP_HELP("as the program gave it, cut at 255 bytes");
};

struct call {
	const char *path;
	__u64 started;
	__u32 flags;
};

SKEP_LRU_HASH(calls, __u64, struct call, 10240);
SKEP_EVENTS(print_opens, struct open, 1024 * 1024) SKEP_HELP("one row a call");

static __always_inline int enter(const char *path, __u32 flags)
{
	struct call call = { .path = path, .started = bpf_ktime_get_ns(), .flags = flags };
	__u64 id = bpf_get_current_pid_tgid();

	if (!skep_watched())
		return 0;
	bpf_map_update_elem(&calls, &id, &call, BPF_ANY);
	return 0;
}

static __always_inline int leave(void *ctx, long ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&calls, &id);
	struct open *e;

	if (!call)
		return 0;
	if (failed_only && ret >= 0)
		goto out;
	e = skep_begin(print_opens);
	if (!e)
		goto out;
	e->pid = id >> 32;
	e->uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	e->fd = ret < 0 ? -1 : ret;
	e->error = ret < 0 ? -ret : 0;
	e->flags = call->flags;
	e->took = bpf_ktime_get_ns() - call->started;
	if (bpf_probe_read_user_str(e->path, sizeof(e->path), call->path) < 0)
		e->path[0] = 0;
	skep_send(ctx, print_opens, e);
out:
	bpf_map_delete_elem(&calls, &id);
	return 0;
}

/* The tracepoints of all four calls are one rung; where a kernel has none of them, the function that they all end in. */
#define LEAVE(call)                                                   \
	SKEP_RUNG(open, 1, tracepoint)                                \
	SEC("tracepoint/syscalls/sys_exit_" #call)                    \
	int leave_##call(struct trace_event_raw_sys_exit *ctx)        \
	{                                                             \
		return leave(ctx, ctx->ret);                          \
	}

SKEP_RUNG(open, 1, tracepoint) SEC("tracepoint/syscalls/sys_enter_openat")
int enter_openat(struct trace_event_raw_sys_enter *ctx)
{
	return enter((const char *)ctx->args[1], ctx->args[2]);
}

LEAVE(openat)

SKEP_RUNG(open, 1, tracepoint) SEC("tracepoint/syscalls/sys_enter_openat2")
int enter_openat2(struct trace_event_raw_sys_enter *ctx)
{
	struct open_how how = {};

	/* flags is the first member of open_how */
	bpf_probe_read_user(&how.flags, sizeof(how.flags), (const void *)ctx->args[2]);
	return enter((const char *)ctx->args[1], how.flags);
}

LEAVE(openat2)

#ifdef __TARGET_ARCH_x86
/* open(2) and creat(2) are not system calls of arm64. */
SKEP_RUNG(open, 1, tracepoint) SEC("tracepoint/syscalls/sys_enter_open")
int enter_open(struct trace_event_raw_sys_enter *ctx)
{
	return enter((const char *)ctx->args[0], ctx->args[1]);
}

LEAVE(open)

SKEP_RUNG(open, 1, tracepoint) SEC("tracepoint/syscalls/sys_enter_creat")
int enter_creat(struct trace_event_raw_sys_enter *ctx)
{
	return enter((const char *)ctx->args[0], 01 | 0100 | 01000 /* O_WRONLY | O_CREAT | O_TRUNC */);
}

LEAVE(creat)
#endif

/* The kernel adds O_LARGEFILE to what a program gave. */
#ifdef __TARGET_ARCH_arm64
#define O_LARGEFILE 0400000
#else
#define O_LARGEFILE 0100000
#endif

static __always_inline int enter_function(const char *path, struct open_how *how)
{
	return enter(path, BPF_CORE_READ(how, flags) & ~O_LARGEFILE);
}

SKEP_RUNG(open, 2, fentry)
SKEP_FENTRY(do_sys_openat2, function_begins, int dfd, const char *path, struct open_how *how)
{
	return enter_function(path, how);
}

SKEP_RUNG(open, 2, fentry)
SKEP_FEXIT(do_sys_openat2, function_ends, int dfd, const char *path, struct open_how *how, long ret)
{
	return leave(ctx, (int)ret);
}

SKEP_RUNG(open, 3, kprobe)
SKEP_KPROBE(do_sys_openat2, probed_begins, int dfd, const char *path, struct open_how *how)
{
	return enter_function(path, how);
}

SKEP_RUNG(open, 3, kprobe) SKEP_KRETPROBE(do_sys_openat2, probed_ends, long ret)
{
	return leave(ctx, (int)ret);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Checks of capabilities: which process needed which, and whether it had it.
 *
 * Linux 6.14 brought a tracepoint for it; before, the kernel's function is hooked, best by fexit, which has arguments
 * and result together.
 */
#include "skep.h"
#include "skep_filter.h"

SKEP_PARAM(bool, denied_only, false, "only checks that were refused");

enum capability {
	CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID,
	CAP_SETPCAP, CAP_LINUX_IMMUTABLE, CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST, CAP_NET_ADMIN, CAP_NET_RAW,
	CAP_IPC_LOCK, CAP_IPC_OWNER, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_CHROOT, CAP_SYS_PTRACE, CAP_SYS_PACCT,
	CAP_SYS_ADMIN, CAP_SYS_BOOT, CAP_SYS_NICE, CAP_SYS_RESOURCE, CAP_SYS_TIME, CAP_SYS_TTY_CONFIG, CAP_MKNOD,
	CAP_LEASE, CAP_AUDIT_WRITE, CAP_AUDIT_CONTROL, CAP_SETFCAP, CAP_MAC_OVERRIDE, CAP_MAC_ADMIN, CAP_SYSLOG,
	CAP_WAKE_ALARM, CAP_BLOCK_SUSPEND, CAP_AUDIT_READ, CAP_PERFMON, CAP_BPF, CAP_CHECKPOINT_RESTORE,
};

struct check {
	__u32 pid SKEP_HELP("process id");
	user_id_t uid SKEP_HELP("user");
	char comm[16] SKEP_HELP("command name");
	enum capability capability SKEP_HELP("what was asked for");
	bool allowed SKEP_HELP("whether the process had it");
};

struct wanted {
	char comm[16];
	enum capability capability;
	__u32 allowed;
};

/* The tracepoint's record, named apart so that it compiles with a vmlinux.h that does not have it. */
struct trace_event_raw_cap_capable___since_6_14 {
	int cap;
	int ret;
} __attribute__((preserve_access_index));

SKEP_LRU_HASH(asked, __u64, __u32, 10240);
SKEP_EVENTS(print_capability_checks, struct check, 256 * 1024) SKEP_HELP("one row a check");
SKEP_HASH(counter_capability_checks, struct wanted, __u64, 4096) SKEP_HELP("Capability checks of the kernel.");

static __always_inline void record(void *ctx, __u32 capability, bool allowed)
{
	struct wanted wanted = { .capability = capability, .allowed = allowed };
	struct check *e;

	if (denied_only && allowed)
		return;
	bpf_get_current_comm(wanted.comm, sizeof(wanted.comm));
	skep_add(&counter_capability_checks, &wanted, 1);
	e = skep_begin(print_capability_checks);
	if (!e)
		return;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->uid = bpf_get_current_uid_gid();
	__builtin_memcpy(e->comm, wanted.comm, sizeof(e->comm));
	e->capability = capability;
	e->allowed = allowed;
	skep_send(ctx, print_capability_checks, e);
}

SKEP_RUNG(check, 1, tracepoint) SEC("tracepoint/capability/cap_capable")
int checked(struct trace_event_raw_cap_capable___since_6_14 *ctx)
{
	if (skep_watched())
		record(ctx, BPF_CORE_READ(ctx, cap), BPF_CORE_READ(ctx, ret) == 0);
	return 0;
}

SKEP_RUNG(check, 2, fexit)
SKEP_FEXIT(cap_capable, check_returns, const struct cred *cred, struct user_namespace *ns, int capability,
	   unsigned int options, int ret)
{
	if (skep_watched())
		record(ctx, capability, ret == 0);
	return 0;
}

SKEP_RUNG(check, 3, kprobe)
SKEP_KPROBE(cap_capable, check_begins, const struct cred *cred, struct user_namespace *ns, int capability)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 wanted = capability;

	if (skep_watched())
		bpf_map_update_elem(&asked, &id, &wanted, BPF_ANY);
	return 0;
}

SKEP_RUNG(check, 3, kprobe) SKEP_KRETPROBE(cap_capable, check_ends, int ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 *capability = bpf_map_lookup_elem(&asked, &id);

	if (!capability)
		return 0;
	record(ctx, *capability, ret == 0);
	bpf_map_delete_elem(&asked, &id);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/** What a generated probe watches: its hook, the fields of a row, and the code that fills them. All text is C. */
export interface Subject {
  /** Names the struct and the maps: `connect` gives print_connects and hist_connect_time_us. */
  noun: string;
  /** One sentence each, by what is made of it. */
  about: { event: string; measure: string };
  /** A parameter of the subject's own, besides those of skep_filter.h. */
  param: string;
  /** Members that tell series apart. */
  labels: readonly string[];
  /** Members that only a row of `print` has: they differ each time. */
  details: readonly string[];
  /** Programs for rows and counters: one hook, one event. */
  event(code: { fillDetails: boolean }): string;
  /** Programs for gauges and histograms: the time between two hooks. */
  measure(): string;
}

const NETWORK: Subject = {
  noun: 'connect',
  about: {
    event: 'outgoing TCP connections, as they are begun',
    measure: 'the time that outgoing TCP connections take to be answered',
  },
  param: 'SKEP_PARAM(__u32, target_port, 0, "only connections to this port (0: every port)");',
  labels: [
    'char comm[16] SKEP_HELP("command name of the process that connects");',
    'ipv6_addr peer SKEP_HELP("address connected to; IPv4 as ::ffff:10.0.0.1");',
    '__u32 port SKEP_HELP("port connected to");',
  ],
  details: ['__u32 pid SKEP_HELP("process id");'],
  event: ({ fillDetails }) => `
static __always_inline void fill(struct connect *c, struct trace_event_raw_inet_sock_set_state *ctx)
{
	bpf_get_current_comm(c->comm, sizeof(c->comm));
	/* The tracepoint gives IPv4 addresses in this form too, so one member serves both. */
	BPF_CORE_READ_INTO(&c->peer, ctx, daddr_v6);
	c->port = ctx->dport;${fillDetails ? '\n\tc->pid = bpf_get_current_pid_tgid() >> 32;' : ''}
}

/* Runs whenever a socket changes its state. Its fields are in
 * /sys/kernel/tracing/events/sock/inet_sock_set_state/format. */
SEC("tracepoint/sock/inet_sock_set_state")
int on_state(struct trace_event_raw_inet_sock_set_state *ctx)
{
	struct connect c = {};

	if (ctx->protocol != IPPROTO_TCP || ctx->newstate != TCP_SYN_SENT)
		return 0;
	if (target_port && ctx->dport != target_port)
		return 0;
	/* In SYN_SENT the current task is the one that called connect(). */
	if (!skep_watched())
		return 0;
	fill(&c, ctx);
	publish(ctx, &c);
	return 0;
}
`,
  measure: () => `
struct begun {
	__u64 at;
	struct connect connect;
};

/* Connections that wait for an answer, by the address of their socket. The oldest make room when it is full. */
SKEP_LRU_HASH(waiting, __u64, struct begun, 10240);

/* Runs whenever a socket changes its state. Its fields are in
 * /sys/kernel/tracing/events/sock/inet_sock_set_state/format. */
SEC("tracepoint/sock/inet_sock_set_state")
int on_state(struct trace_event_raw_inet_sock_set_state *ctx)
{
	__u64 socket = (__u64)ctx->skaddr;
	struct begun *found, begun = {};

	if (ctx->protocol != IPPROTO_TCP)
		return 0;
	if (ctx->newstate == TCP_SYN_SENT) {
		if (target_port && ctx->dport != target_port)
			return 0;
		/* Here the current task is the one that called connect(). Later, when the answer comes in,
		 * it is whatever the CPU was doing, so the name is taken now. */
		if (!skep_watched())
			return 0;
		begun.at = bpf_ktime_get_ns();
		bpf_get_current_comm(begun.connect.comm, sizeof(begun.connect.comm));
		/* The tracepoint gives IPv4 addresses in this form too, so one member serves both. */
		BPF_CORE_READ_INTO(&begun.connect.peer, ctx, daddr_v6);
		begun.connect.port = ctx->dport;
		bpf_map_update_elem(&waiting, &socket, &begun, BPF_ANY);
		return 0;
	}
	found = bpf_map_lookup_elem(&waiting, &socket);
	if (!found)
		return 0;
	if (ctx->newstate == TCP_ESTABLISHED) {
		begun = *found;
		publish(ctx, &begun.connect, (bpf_ktime_get_ns() - begun.at) / 1000);
	}
	bpf_map_delete_elem(&waiting, &socket);
	return 0;
}
`,
};

/** Without details one hook is enough. */
const OPEN_COUNT = `
/* Runs when a process enters openat(2): ctx->args are the call's own (directory, path, flags, mode). */
SEC("tracepoint/syscalls/sys_enter_openat")
int on_enter(struct trace_event_raw_sys_enter *ctx)
{
	struct open o = {};

	/* O_WRONLY is 1, O_RDWR is 2. */
	if (writers_only && !(ctx->args[2] & 3))
		return 0;
	if (!skep_watched())
		return 0;
	bpf_get_current_comm(o.comm, sizeof(o.comm));
	o.user = bpf_get_current_uid_gid();
	publish(ctx, &o);
	return 0;
}
`;

/** The path is read on the way out: on the way in its page may not be in memory yet, and a probe cannot wait for it. */
const OPEN_ROW = `
struct call {
	const char *path;
	__u64 flags;
};

/* What each thread that is in openat(2) was called with. The oldest make room when it is full. */
SKEP_LRU_HASH(entered, __u64, struct call, 10240);

/* Runs when a process enters openat(2): ctx->args are the call's own (directory, path, flags, mode). */
SEC("tracepoint/syscalls/sys_enter_openat")
int on_enter(struct trace_event_raw_sys_enter *ctx)
{
	struct call call = { .path = (const char *)ctx->args[1], .flags = ctx->args[2] };
	__u64 thread = bpf_get_current_pid_tgid();

	/* O_WRONLY is 1, O_RDWR is 2. */
	if (writers_only && !(ctx->args[2] & 3))
		return 0;
	if (skep_watched())
		bpf_map_update_elem(&entered, &thread, &call, BPF_ANY);
	return 0;
}

/* Runs when it returns: ctx->ret is the descriptor, or minus an errno. */
SEC("tracepoint/syscalls/sys_exit_openat")
int on_exit(struct trace_event_raw_sys_exit *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&entered, &thread);
	struct open o = {};

	if (!call)
		return 0;
	bpf_get_current_comm(o.comm, sizeof(o.comm));
	o.user = bpf_get_current_uid_gid();
	o.pid = thread >> 32;
	o.flags = call->flags;
	o.error = ctx->ret < 0 ? -ctx->ret : 0;
	/* Read only now: on entry the page that holds the path may not be in memory yet, and a probe cannot
	 * wait for it. By now the kernel has read the path itself. */
	bpf_probe_read_user_str(o.path, sizeof(o.path), call->path);
	publish(ctx, &o);
	bpf_map_delete_elem(&entered, &thread);
	return 0;
}
`;

const FILE_SYSTEM: Subject = {
  noun: 'open',
  about: {
    event: 'files that are opened with openat(2)',
    measure: 'the time that openat(2) takes',
  },
  param: 'SKEP_PARAM(bool, writers_only, false, "only files opened for writing");',
  labels: [
    'char comm[16] SKEP_HELP("command name of the process that opens");',
    'user_id_t user SKEP_HELP("who runs it");',
  ],
  details: [
    '__u32 pid SKEP_HELP("process id");',
    'open_flags_t flags SKEP_HELP("as given to open");',
    'errno_t error SKEP_HELP("why it failed, 0 when it did not");',
    'char path[128] SKEP_HELP("as the program gave it, cut at 127 bytes");',
  ],
  event: ({ fillDetails }) => (fillDetails ? OPEN_ROW : OPEN_COUNT),
  measure: () => `
/* When each thread that is in openat(2) entered it. The oldest make room when it is full. */
SKEP_LRU_HASH(entered, __u64, __u64, 10240);

/* Runs when a process enters openat(2): ctx->args are the call's own (directory, path, flags, mode). */
SEC("tracepoint/syscalls/sys_enter_openat")
int on_enter(struct trace_event_raw_sys_enter *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();

	/* O_WRONLY is 1, O_RDWR is 2. */
	if (writers_only && !(ctx->args[2] & 3))
		return 0;
	if (skep_watched())
		bpf_map_update_elem(&entered, &thread, &now, BPF_ANY);
	return 0;
}

/* Runs when it returns: ctx->ret is the descriptor, or minus an errno. */
SEC("tracepoint/syscalls/sys_exit_openat")
int on_exit(struct trace_event_raw_sys_exit *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid(), *at = bpf_map_lookup_elem(&entered, &thread);
	struct open o = {};

	if (!at)
		return 0;
	bpf_get_current_comm(o.comm, sizeof(o.comm));
	o.user = bpf_get_current_uid_gid();
	publish(ctx, &o, (bpf_ktime_get_ns() - *at) / 1000);
	bpf_map_delete_elem(&entered, &thread);
	return 0;
}
`,
};

/** The subjects by the name of the program type. */
export const SUBJECTS = { Network: NETWORK, FileSystem: FILE_SYSTEM } as const;

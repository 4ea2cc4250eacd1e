/**
 * The catalogue's probes beside the tools that do the same: what a process does to be seen, how each tool is narrowed to
 * it, and what bpftrace is told, which is its own script of that name where it has one that needs no kprobe.
 */

/** Whom a tool is to watch: the process that acts, and the cgroup (v2) it and its children are in. */
export interface Watched {
  readonly pid: number;
  readonly cgroup: string;
}

export interface Pair {
  /** Folder under probes/. */
  readonly probe: string;
  /** Of bench/load/deeds.c. */
  readonly deed: string;
  /** So often is it done in one go, a multiple of `burst`. */
  readonly count: number;
  /** So often without a pause: few enough for the smallest buffer of the tools, 64 KiB. */
  readonly burst: number;
  /** Events that a deed is: of a millisecond of work a sample, since 49 a second are too few to compare. */
  readonly eventsPerDeed?: number;
  /** `kprobe` where the program of libbpf-tools wants kprobes: where a kernel has none, it is measured in a guest. */
  readonly probes?: 'kprobe';
  /** Whether the deed is so much processor time by itself, so that it cannot cost more. */
  readonly timed?: boolean;
  /** skep's flags. */
  skep(w: Watched): string[];
  /** Arguments of the libbpf-tools program called like the probe, or why there is none to compare with. */
  readonly libbpf: ((w: Watched) => string[]) | string;
  bpftrace(w: Watched): string;
}

const byPid = ({ pid }: Watched): string[] => ['--pid', String(pid)];
const byCgroup = ({ cgroup }: Watched): string[] => ['--cgroup', cgroup];
const narrowed = ({ pid }: Watched): string[] => ['-p', String(pid)];

/** Of both probes of TCP connections. */
const connecting = {
  probes: 'kprobe',
  deed: 'connect',
  count: 1000,
  burst: 100,
  skep: byPid,
  libbpf: narrowed,
} as const;

export const pairs: readonly Pair[] = [
  {
    ...{ probe: 'opensnoop', deed: 'open', count: 3000, burst: 100, skep: byPid, libbpf: narrowed },
    bpftrace: ({ pid }) => `
      tracepoint:syscalls:sys_enter_openat /pid == ${pid}/ { @name[tid] = args->filename; }
      tracepoint:syscalls:sys_exit_openat /@name[tid]/ {
        $ret = args->ret;
        printf("%d %s %d %d %s\\n", pid, comm, $ret >= 0 ? $ret : -1, $ret >= 0 ? 0 : -$ret, str(@name[tid]));
        delete(@name[tid]);
      }`,
  },
  {
    ...{ probe: 'execsnoop', deed: 'exec', count: 120, burst: 10, skep: byCgroup },
    libbpf: ({ cgroup }) => ['-c', cgroup],
    bpftrace: ({ cgroup }) => `
      tracepoint:syscalls:sys_enter_execve /cgroup == cgroupid("${cgroup}")/ {
        printf("%u %d ", elapsed / 1e6, pid);
        join(args->argv);
      }`,
  },
  {
    ...{ probe: 'exitsnoop', deed: 'exit', count: 1000, burst: 20, skep: byCgroup },
    libbpf: ({ cgroup }) => ['-c', cgroup],
    bpftrace: ({ cgroup }) => `
      tracepoint:sched:sched_process_exit /cgroup == cgroupid("${cgroup}")/ {
        $task = (struct task_struct *)curtask;
        printf("%d %d %s %d %d\\n", pid, $task->real_parent->tgid, comm, $task->exit_code,
          (nsecs - $task->start_time) / 1000000);
      }`,
  },
  {
    ...{
      probe: 'capable',
      probes: 'kprobe',
      deed: 'capability',
      count: 10_000,
      burst: 200,
      skep: byPid,
      libbpf: narrowed,
    },
    bpftrace: ({ pid }) => `
      tracepoint:capability:cap_capable /pid == ${pid}/ {
        printf("%d %d %s %d %d\\n", uid, pid, comm, args->cap, args->ret);
      }`,
  },
  {
    ...connecting,
    probe: 'tcpconnect',
    bpftrace: ({ pid }) => `
      tracepoint:sock:inet_sock_set_state /args->newstate == 2 && pid == ${pid}/ {
        printf("%d %s %s %s %d\\n", pid, comm, ntop(args->saddr), ntop(args->daddr), args->dport);
      }`,
  },
  {
    ...connecting,
    probe: 'tcpconnlat',
    bpftrace: ({ pid }) => `
      tracepoint:sock:inet_sock_set_state /args->newstate == 2 && pid == ${pid}/ {
        @began[args->skaddr] = nsecs;
        @pid[args->skaddr] = pid;
        @comm[args->skaddr] = comm;
      }
      tracepoint:sock:inet_sock_set_state /args->oldstate == 2 && @began[args->skaddr]/ {
        printf("%d %s %s %d %d\\n", @pid[args->skaddr], @comm[args->skaddr], ntop(args->daddr), args->dport,
          (nsecs - @began[args->skaddr]) / 1000);
        delete(@began[args->skaddr]);
        delete(@pid[args->skaddr]);
        delete(@comm[args->skaddr]);
      }`,
  },
  {
    ...{
      probe: 'activeconn',
      deed: 'connect',
      count: 1000,
      burst: 100,
      skep: byPid,
      libbpf: 'libbpf-tools has none',
    },
    bpftrace: ({ pid }) => `
      tracepoint:sock:inet_sock_set_state /args->newstate == 2 && pid == ${pid}/ { @ours[args->skaddr] = 1; }
      tracepoint:sock:inet_sock_set_state /args->newstate == 1 && @ours[args->skaddr]/ {
        @open[ntop(args->daddr), args->dport] += 1;
      }
      tracepoint:sock:inet_sock_set_state /args->newstate == 7 && @ours[args->skaddr]/ {
        @open[ntop(args->daddr), args->dport] -= 1;
        delete(@ours[args->skaddr]);
      }`,
  },
  {
    ...{ probe: 'fslatency', deed: 'read', count: 20_000, burst: 2000, skep: byPid },
    libbpf: 'fsdist hooks the functions of one of four file systems, none of which this is',
    bpftrace: ({ pid }) => `
      tracepoint:syscalls:sys_enter_pread64 /pid == ${pid}/ {
        $file = *(((struct task_struct *)curtask)->files->fdt->fd + args->fd);
        $inode = $file->f_inode;
        if (($inode->i_mode & 0xf000) == 0x8000) {
          @fs[tid] = str($inode->i_sb->s_type->name, 16);
          @began[tid] = nsecs;
        }
      }
      tracepoint:syscalls:sys_exit_pread64 /@began[tid]/ {
        @us["read", @fs[tid]] = hist((nsecs - @began[tid]) / 1000);
        delete(@began[tid]);
        delete(@fs[tid]);
      }`,
  },
  {
    ...{
      probe: 'profile',
      deed: 'spin',
      count: 200,
      burst: 200,
      eventsPerDeed: 0.997,
      timed: true,
      skep: (w) => [...byPid(w), '--attach', 'cpu_sample=997hz'],
    },
    libbpf: 'Debian 12 ships none',
    bpftrace: ({ pid }) => `
      profile:hz:997 /pid == ${pid}/ { @[pid, ustack, kstack, comm] = count(); }`,
  },
];

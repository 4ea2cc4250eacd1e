/** How the target of one kind of program is written: `TARGET[,OPTION=VALUE]…`. */
export interface TargetForm {
  /** The target itself, placeholders in capitals. */
  readonly target: string;
  /** What the placeholders do not say. */
  readonly note?: string;
  /** A whole one, options included, as it would stand after `PROG=`. */
  readonly example: string;
  /** What may follow behind a comma. */
  readonly options: readonly TargetOption[];
  /** The target comes from the section or from outside: without one, nothing can be attached. */
  readonly required: boolean;
  /** Fixed when the program is loaded, so that there can be only one. */
  readonly atLoad: boolean;
}

/** An option of a target. The last four are words that stand alone. */
export type TargetOption =
  | 'pid'
  | 'cpu'
  | 'netns'
  | 'event'
  | 'cookie'
  | 'ingress'
  | 'egress'
  | 'primary'
  | 'peer';

/** What each option means, for help. */
export const TARGET_OPTIONS: Readonly<Record<TargetOption, string>> = {
  pid: 'pid=N: only this process; for provider:probe it also says in which file',
  cpu: 'cpu=N: only this CPU',
  netns: 'netns=NAME, PID or FILE: in this network namespace',
  event:
    'event=NAME: cpu-clock, task-clock, page-faults, context-switches, cpu-migrations, cycles, instructions, cache-references, cache-misses, branches, branch-misses',
  cookie: 'cookie=N: what bpf_get_attach_cookie() returns',
  ingress: 'ingress: what comes in',
  egress: 'egress: what goes out',
  primary: 'primary: the side in the host',
  peer: 'peer: the side in the container',
};

/** Options that are a word without a value. */
export const WORDS: ReadonlySet<TargetOption> = new Set(['ingress', 'egress', 'primary', 'peer']);

const form = (
  target: string,
  example: string,
  options: readonly TargetOption[] = [],
  more: { required?: boolean; atLoad?: boolean; note?: string } = {},
): TargetForm => ({ target, example, options, required: true, atLoad: false, ...more });

const LETTERS = '* and ? stand for any letters';
const kernelFunction = form('FUNCTION[+OFFSET]', 'do_unlinkat', ['cookie']);
const functions = form('PATTERN', 'vfs_*', [], { note: LETTERS });
const syscall = form('SYSCALL', 'openat', ['cookie']);
const userFunction = form('PATH:FUNCTION[+OFFSET]', 'libc.so.6:malloc,pid=1234', ['pid', 'cookie']);
const userFunctions = form('PATH:PATTERN', 'libc.so.6:mem*,pid=1234', ['pid'], { note: LETTERS });
const traced = form('FUNCTION', 'vfs_read', ['cookie'], { atLoad: true });
const cgroup = form('CGROUP', '/sys/fs/cgroup/system.slice/nginx.service', [], {
  note: 'a cgroup2 directory, or its path below the mount',
});
const namespace = form('NETNS', 'web', [], { required: false, note: 'a name, a pid or a file' });

/** The forms by the kind of {@link parseSection}. A kind that is not here cannot be attached by itself. */
export const TARGET_FORMS: Readonly<Record<string, TargetForm>> = {
  tracepoint: form('CATEGORY:NAME', 'sched:sched_process_exec', ['cookie']),
  raw_tp: form('NAME', 'sched_switch'),
  tp_btf: form('NAME', 'sched_switch', ['cookie'], { atLoad: true }),
  kprobe: kernelFunction,
  kretprobe: kernelFunction,
  'kprobe.multi': functions,
  'kretprobe.multi': functions,
  'kprobe.session': functions,
  ksyscall: syscall,
  kretsyscall: syscall,
  fentry: traced,
  fexit: traced,
  fmod_ret: traced,
  fsession: traced,
  lsm: form('HOOK', 'file_open', ['cookie'], { atLoad: true }),
  uprobe: userFunction,
  uretprobe: userFunction,
  'uprobe.multi': userFunctions,
  'uretprobe.multi': userFunctions,
  'uprobe.session': userFunctions,
  usdt: form('[PATH:]PROVIDER:PROBE', '/usr/bin/node:node:gc__start', ['pid', 'cookie']),
  perf_event: form('RATEhz', '49hz,pid=1234', ['pid', 'cpu', 'event', 'cookie'], {
    required: false,
    note: 'or COUNT, the events between two samples',
  }),
  iter: form('THING', 'pid=1234', ['pid'], {
    required: false,
    note: 'a map of the object for bpf_map_elem, a CGROUP for cgroup, none else',
  }),
  xdp: form('INTERFACE', 'eth0', ['netns']),
  tc: form('INTERFACE', 'eth0,egress', ['ingress', 'egress', 'netns']),
  netkit: form('INTERFACE', 'nk0,peer', ['primary', 'peer', 'netns']),
  socket_filter: form('INTERFACE', 'eth0', ['netns'], { note: 'or any' }),
  cgroup,
  cgroup_skb: cgroup,
  lsm_cgroup: cgroup,
  sock_ops: cgroup,
  netfilter: form('FAMILY:HOOK', 'ipv4:input', ['netns'], {
    note: 'ipv4 or ipv6; prerouting, input, forward, output or postrouting',
  }),
  sk_lookup: namespace,
  flow_dissector: namespace,
};

/** The valid form for a kind, in words: `INTERFACE[,ingress][,egress], such as eth0,egress`. */
export function formText(kind: string): string | undefined {
  const f = Object.hasOwn(TARGET_FORMS, kind) ? TARGET_FORMS[kind] : undefined;
  if (!f) return undefined;
  const options = f.options.map((o) => (WORDS.has(o) ? `[,${o}]` : `[,${o}=…]`)).join('');
  const note = f.note ? ` (${f.note})` : '';
  return `${f.target}${options}${note}, such as ${f.example}`;
}

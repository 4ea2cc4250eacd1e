import { Btf } from '../btf/btf.ts';
import { helperName, helperNames } from '../kernel/helpers.ts';
import { type ProgramType, programTypeNumber } from '../kernel/types.ts';
import { isNativeError, native } from '../native.ts';
import { hasKernelBtf } from './system.ts';

/** What to load to ask for helpers: program type, expected attach type (enum bpf_attach_type), what it attaches to, flags. */
type Asking = readonly [
  type: ProgramType,
  attach: number,
  target?: readonly [string, 'typedef' | 'func'],
  flags?: number,
];

const BPF_F_SLEEPABLE = 16;

/**
 * By program type; what a tracing program may call hangs on what it is attached to, and some of what programs of security
 * modules, cgroups and tunnels may on their hook, of which there is one here. struct_ops is left out: all of it does.
 */
const tables: Readonly<Record<string, readonly Asking[]>> = {
  socket_filter: [['socket_filter', 0]],
  kprobe: [['kprobe', 0]],
  sched_cls: [['sched_cls', 0]],
  sched_act: [['sched_act', 0]],
  tracepoint: [['tracepoint', 0]],
  xdp: [['xdp', 37]],
  perf_event: [['perf_event', 41]],
  cgroup_skb: [['cgroup_skb', 0]],
  sock_ops: [['sock_ops', 3]],
  sk_skb: [['sk_skb', 0]],
  sk_msg: [['sk_msg', 7]],
  sk_reuseport: [['sk_reuseport', 0]],
  sk_lookup: [['sk_lookup', 36]],
  flow_dissector: [['flow_dissector', 17]],
  netfilter: [['netfilter', 45]],
  syscall: [['syscall', 0, undefined, BPF_F_SLEEPABLE]],
  cgroup_sock: [['cgroup_sock', 2]],
  cgroup_device: [['cgroup_device', 6]],
  cgroup_sock_addr: [['cgroup_sock_addr', 10]],
  cgroup_sysctl: [['cgroup_sysctl', 18]],
  cgroup_sockopt: [['cgroup_sockopt', 21]],
  lwt_in: [['lwt_in', 0]],
  lwt_out: [['lwt_out', 0]],
  lwt_xmit: [['lwt_xmit', 0]],
  lsm: [['lsm', 27, ['bpf_lsm_file_open', 'func']]],
  raw_tracepoint: [['raw_tracepoint', 0]],
  'tracing/raw_tp': [['tracing', 23, ['btf_trace_sched_process_exit', 'typedef']]],
  'tracing/fentry': [
    ['tracing', 24, ['bpf_fentry_test1', 'func']],
    ['tracing', 25, ['bpf_fentry_test1', 'func']],
  ],
  'tracing/iter': [['tracing', 28, ['bpf_iter_task', 'func']]],
};

/** Types of programs that {@link probeHelpers} can answer for. */
export const helperTables: readonly string[] = Object.keys(tables);

/** Which helpers programs of a type may call, by name (`bpf_ktime_get_ns`). */
export interface Helpers {
  has(name: string): boolean;
}

/**
 * The helpers that programs of a type may call on this kernel; each that is asked for is found out by loading a call of it
 * (0.1 ms), once. Undefined where that cannot be found out: the type is not known, or such a program does not load at all.
 */
export function askHelpers(table: string): Helpers | undefined {
  const ways: ((helper: number) => boolean)[] = [];
  for (const asking of Object.hasOwn(tables, table) ? tables[table]! : []) {
    const way = asked(asking);
    if (!way) return undefined;
    ways.push(way);
  }
  if (ways.length === 0) return undefined;
  const known = new Map<string, boolean>();
  return {
    has(name) {
      let may = known.get(name);
      if (may === undefined) {
        const helper = name.startsWith('bpf_') ? helperNames.indexOf(name.slice(4)) : -1;
        may = helper > 0 && ways.some((way) => way(helper));
        known.set(name, may);
      }
      return may;
    },
  };
}

/**
 * Names of all helpers that programs of a type may call on this kernel (30 ms). Undefined as of {@link askHelpers}, and
 * where there is none.
 */
export function probeHelpers(table: string): ReadonlySet<string> | undefined {
  const helpers = askHelpers(table);
  if (!helpers) return undefined;
  const all = Array.from(helperNames.keys(), helperName);
  const found = new Set(all.filter((name) => helpers.has(name)));
  return found.size > 0 ? found : undefined;
}

function asked([type, attach, target, flags = 0]: Asking): ((helper: number) => boolean) | undefined {
  const id = target && hasKernelBtf() ? (Btf.kernel().find(...target)?.id ?? 0) : 0;
  if (target && id === 0) return undefined;
  const complaint = (code: Uint8Array): string => {
    try {
      native().fdClose(native().programLoad(programTypeNumber(type), attach, code, 'GPL', id, flags));
      return '';
    } catch (e) {
      if (!isNativeError(e)) throw e;
      return e.log || `errno ${e.errno}`;
    }
  };
  // Without a helper it must load, or the answers would be about something else.
  if (complaint(calls(0).subarray(8)) !== '') return undefined;
  return (helper) => !/unknown func|invalid func|cannot use helper/.test(complaint(calls(helper)));
}

/** `call helper; r0 = 0; exit`, with no argument set: the verifier first asks whether the program may call it. */
function calls(helper: number): Uint8Array {
  const code = new Uint8Array(24);
  code[0] = 0x85;
  new DataView(code.buffer).setInt32(4, helper, true);
  code[8] = 0xb7;
  code[16] = 0x95;
  return code;
}

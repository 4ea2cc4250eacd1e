import type { ObjectDescription } from '@skep/probe';

/** What running a probe's programs asks of the machine, as few as its hooks need. */
export interface Needs {
  /** `CAP_BPF`, `CAP_PERFMON`, …, in the order of their numbers. */
  readonly capabilities: readonly string[];
  /** Programs on traffic are tied to interfaces by netlink before Linux 6.6. */
  readonly netlink: boolean;
}

const ORDER = [
  'CAP_DAC_READ_SEARCH',
  'CAP_NET_ADMIN',
  'CAP_SYS_PTRACE',
  'CAP_SYS_ADMIN',
  'CAP_SYSLOG',
  'CAP_PERFMON',
  'CAP_BPF',
];
const NETWORK = /^(tc|tcx|xdp|netkit|cgroup|sock|sk_|lwt|flow_dissector|netfilter|struct_ops)/;

/** What is attached by a perf event. */
const PERF = /^(tracepoint|k(ret)?probe|u(ret)?probe|usdt|k(ret)?syscall|perf_event)$/;

/**
 * The capabilities that `skep run` needs for these objects. CAP_DAC_READ_SEARCH always: an image in another user's store,
 * tracefs, and the programs that uprobes go to are files of root.
 *
 * @param paranoid perf events are for CAP_SYS_ADMIN alone on this machine
 */
export function needsOf(objects: readonly ObjectDescription[], paranoid = false): Needs {
  const types = objects.flatMap((o) => o.programs.map((p) => p.type));
  const network = types.some((type) => NETWORK.test(type));
  const stacks = objects.some((o) => o.maps.some((m) => m.type === 'stack_trace'));
  const needed = new Set(['CAP_BPF', 'CAP_PERFMON', 'CAP_DAC_READ_SEARCH']);
  if (network) needed.add('CAP_NET_ADMIN');
  if (paranoid && objects.some(attachesByPerf)) needed.add('CAP_SYS_ADMIN');
  if (stacks) needed.add('CAP_SYS_PTRACE').add('CAP_SYSLOG');
  return {
    capabilities: ORDER.filter((c) => needed.has(c)),
    netlink: types.some((t) => /^(tc|tcx)/.test(t)),
  };
}

/**
 * What the node agent needs: its probes' rights, and CAP_SYS_PTRACE to see what other users' processes run.
 *
 * @param paranoid perf events are for CAP_SYS_ADMIN alone on this machine
 */
export function agentNeeds(objects: readonly ObjectDescription[], paranoid = false): Needs {
  const { capabilities, netlink } = needsOf(objects, paranoid);
  const all = new Set([...capabilities, 'CAP_SYS_PTRACE']);
  return { capabilities: ORDER.filter((c) => all.has(c)), netlink };
}

/** Of alternatives the best counts: one that is worse is taken by older kernels. */
function attachesByPerf({ programs, hooks }: ObjectDescription): boolean {
  const worse = new Set(hooks.flatMap((g) => g.rungs.slice(1).flatMap((r) => r.programs)));
  return programs.some((p) => PERF.test(p.type) && !worse.has(p.name));
}

import type { BpfProgram } from '../object/program.ts';
import type { BpfLink } from './link.ts';

/** Kernel versions, major and minor. */
type Version = readonly [number, number];

const ALWAYS: Version = [0, 0];
const NEVER: Version = [Number.POSITIVE_INFINITY, 0];

/**
 * From which Linux on it is known how often a program of a kind was not run at its hook. Either the kernel counts
 * (bpf_prog_info.recursion_misses, bpf_link_info.…missed), or it never skips one:
 *
 * - trampolines (fentry, …) skip recursion since 5.12, and count it since then; raw tracepoints since 6.1.
 * - what runs by trace_call_bpf (kprobes, tracepoints) or kprobe.multi was skipped without a count before 6.7, as was
 *   what the kprobe or kretprobe itself missed.
 * - uprobes skip nothing since 6.0; a uretprobe misses calls nested deeper than 64, and nobody counts them.
 * - perf_bpf overflow handlers skip without a count.
 * - Programs on packets, sockets and cgroups, and iterators, run whenever they are called.
 */
const KNOWN_SINCE: Readonly<Record<string, Version>> = {
  tracepoint: [6, 7],
  kprobe: [6, 7],
  kretprobe: [6, 7],
  'kprobe.multi': [6, 7],
  'kretprobe.multi': [6, 7],
  'kprobe.session': [6, 7],
  ksyscall: [6, 7],
  kretsyscall: [6, 7],
  uprobe: [6, 0],
  usdt: [6, 0],
  uretprobe: NEVER,
  'uprobe.multi': [6, 6],
  'uretprobe.multi': NEVER,
  'uprobe.session': NEVER,
  perf_event: NEVER,
};

/**
 * Whether a kernel of that version tells all runs that a program missed, by the kind of its hook. A distribution that
 * brought the counters to an older version is not trusted to have them all.
 */
export function missesKnown(kind: string, [major, minor]: readonly [number, number, ...number[]]): boolean {
  const since = KNOWN_SINCE[kind.replace(/\.s$/, '')] ?? ALWAYS;
  return major > since[0] || (major === since[0] && minor >= since[1]);
}

/** Runs that a program missed, by what was in the way. */
export interface Misses {
  /** It, or another program on that CPU, was running already. */
  recursion: number;
  /** Its kprobe was hit while another was handled, or its kretprobe had no room for a further call under way. */
  hook: number;
}

/**
 * What the kernel counted as missed so far, at a program and its links. Those that are closed or have no count add 0.
 */
export function countMisses(program: BpfProgram, links: readonly BpfLink[]): Misses {
  return {
    recursion: Number(program.info().recursionMisses),
    hook: links.reduce((sum, link) => sum + link.missed(), 0),
  };
}

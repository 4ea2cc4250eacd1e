import { BpfError } from '../errors.ts';
import { Errno } from '../kernel/errno.ts';
import { isNativeError, type LinkHandle, native, type ObjectHandle } from '../native.ts';
import { attachError } from './attach-error.ts';
import { BpfLink } from './link.ts';
import { inNetns } from './netns.ts';
import { type Plan, planAttach, type Step } from './plan.ts';
import type { Hook } from './target.ts';

/** Where and how {@link BpfProgram.attach} attaches; everything has a default where the section says enough. */
export interface AttachOptions {
  /**
   * Another hook than the section names, in the kind's own spelling:
   *
   * | kind | target |
   * | --- | --- |
   * | tracepoint | `sched/sched_switch` or `sched:sched_switch` |
   * | kprobe, kretprobe | `do_unlinkat`, `do_unlinkat+0x10` |
   * | kprobe.multi, kprobe.session | a pattern, `vfs_*` |
   * | ksyscall | `openat` |
   * | uprobe, uretprobe | `/bin/bash:readline`, `libc.so.6:malloc`, `/bin/app:main.(*T).Run`, `/bin/app:0x1234` |
   * | uprobe.multi, uretprobe.multi, uprobe.session | `libc.so.6:mem*` |
   * | usdt | `libc.so.6:libc:setjmp`; `libc:setjmp` with a pid |
   * | raw_tp | `sched_switch` |
   * | xdp, tc, netkit | a network interface, `eth0`; required |
   * | socket_filter | a network interface, or `any`; required |
   * | cgroup…, sock_ops, lsm_cgroup | a cgroup2 directory, or its path below the mount; required |
   * | sk_lookup, flow_dissector | a network namespace by name, pid or file; default is this process's |
   * | netfilter | `ipv4:input`; required |
   * | iter/cgroup | a cgroup2 directory |
   */
  target?: string;
  /** uprobe, usdt, perf_event, iter/task…: this process only; default all. */
  pid?: number;
  /** What `bpf_get_attach_cookie()` returns in the program. */
  cookie?: bigint;
  /** perf_event: samples a second on each CPU; default 49. */
  sampleFrequency?: number;
  /** perf_event: a sample every so many events, instead of a frequency. */
  samplePeriod?: number;
  /** perf_event: what is counted, by perf(1)'s name; default `cpu-clock`. */
  event?: string;
  /** perf_event: this CPU only; default all that are online. */
  cpu?: number;
  /** tc: `ingress` or `egress`; netkit: `primary` or `peer`; default from the section, else the first. */
  direction?: string;
  /** xdp, tc, netkit, socket_filter, netfilter: the network namespace of the interface, by name, pid or file. */
  netns?: string;
  /** iter/bpf_map_elem and its like: the map's descriptor. */
  map?: number;
}

/** A program as the functions here see it. */
export interface Attachable {
  readonly name: string;
  readonly section: string;
  readonly type: string;
  readonly target: string;
  readonly fd: number;
}

/** A program's place in its object. */
export interface Place {
  object: ObjectHandle;
  index: number;
}

function call<P extends boolean>(place: Place, s: Step, cookie: bigint, pool: P) {
  const { how, a = null, b = null, c = null, number = 0, offset = 0, ret = false } = s;
  return native().attach<P>(place.object, place.index, how, a, b, c, number, offset, ret, cookie, pool);
}

function begin(program: Omit<Attachable, 'fd'>, options: AttachOptions): { hook: Hook; plan: Plan } {
  const target = options.target ?? program.target;
  const hook = { program: program.name, kind: program.type, target, pid: options.pid };
  return { hook, plan: planAttach(hook, program.section, options) };
}

/** Looks for what a program would be attached to, as far as the machine can be asked without attaching it. */
export function tryTarget(program: Omit<Attachable, 'fd'>, options: AttachOptions): void {
  begin(program, options).plan.release(0);
}

/** Does what libbpf has no call for; the steps of such a plan are none. */
function bareLink(program: Attachable, plan: Plan, links: LinkHandle[]): (() => void) | undefined {
  if (!plan.bare) return undefined;
  const made = plan.bare(program.fd);
  if ('undo' in made) return made.undo;
  links.push(native().linkFromFd(made.fd));
  return undefined;
}

function failed(hook: Hook, links: readonly LinkHandle[], cause: unknown): unknown {
  for (const link of links) native().linkClose(link);
  if (!isNativeError(cause)) return cause;
  const details = { object: hook.program, errno: cause.errno, cause };
  // The addon's own words; the kernel answers an attachment with neither.
  if (cause.errno === Errno.ECANCELED) {
    return new BpfError('SKEP_CLOSED', `The object of program "${hook.program}" is closed`, {
      hint: 'Open it again; maps and programs of a closed object are gone.',
      ...details,
    });
  }
  if (cause.errno === Errno.EALREADY) {
    return new BpfError(
      'SKEP_STATE',
      `Program "${hook.program}" cannot be attached while another of its object is`,
      { hint: 'Await attachAsync() before the next: one at a time for an object.', ...details },
    );
  }
  return attachError(hook, cause);
}

/** Attaches on the calling thread. */
export function attachNow(program: Attachable, place: Place, options: AttachOptions): BpfLink {
  const { hook, plan } = begin(program, options);
  const links: LinkHandle[] = [];
  let undo: (() => void) | undefined;
  try {
    undo = bareLink(program, plan, links);
    for (const s of plan.steps)
      links.push(inNetns(plan.netns, program.name, () => call(place, s, options.cookie ?? 0n, false)));
    plan.release(links.length);
  } catch (cause) {
    plan.release(links.length);
    throw failed(hook, links, cause);
  }
  return new BpfLink(hook.kind, hook.target, hook.program, links, undo);
}

/** Attaches on a thread of libuv's pool, except in another network namespace, where only this thread can go. */
export async function attachOnPool(
  program: Attachable,
  place: Place,
  options: AttachOptions,
): Promise<BpfLink> {
  if (options.netns !== undefined) return attachNow(program, place, options);
  const { hook, plan } = begin(program, options);
  const links: LinkHandle[] = [];
  let undo: (() => void) | undefined;
  try {
    undo = bareLink(program, plan, links);
    for (const s of plan.steps) links.push(await call(place, s, options.cookie ?? 0n, true));
    plan.release(links.length);
  } catch (cause) {
    plan.release(links.length);
    throw failed(hook, links, cause);
  }
  return new BpfLink(hook.kind, hook.target, hook.program, links, undo);
}

import { closeSync, constants, openSync } from 'node:fs';
import { BpfError } from '../errors.ts';
import { onlineCpus } from '../kernel/cpus.ts';
import { isNativeError, type NativeAttachKind, native } from '../native.ts';
import type { AttachOptions } from './attach.ts';
import { attachError } from './attach-error.ts';
import {
  type Hook,
  missingTarget,
  parseFunction,
  parseTracepoint,
  parseUsdt,
  parseUserFunction,
} from './target.ts';

/** One call of the addon's attach. */
export interface Step {
  how: NativeAttachKind;
  a?: string;
  b?: string;
  c?: string;
  number?: number;
  offset?: number;
  ret?: boolean;
}

/** How a program will be attached: the calls to make, or a bare link of the kernel's for hooks libbpf 1.1 lacks. */
export interface Plan {
  steps: Step[];
  bare?: { target: number; attachType: number };
  /** Frees what the plan opened; `attached` steps have taken over what was theirs. */
  release(attached: number): void;
}

const simple = (step: Step): Plan => ({ steps: [step], release: () => {} });

/** Attach types of `enum bpf_attach_type` for which libbpf 1.1 has no call. */
const linkTypes: Readonly<Record<string, number>> = {
  'tc ingress': 46,
  'tc egress': 47,
  'netkit primary': 54,
  'netkit peer': 55,
};

/** Works out how a program of this kind reaches its hook. Opens what it must (a cgroup, perf events). */
export function planAttach(hook: Hook, section: string, options: AttachOptions): Plan {
  const { kind } = hook;
  const pid = options.pid ?? -1;
  switch (kind) {
    case 'tracepoint': {
      const [a, b] = parseTracepoint(hook);
      return simple({ how: 'tracepoint', a, b });
    }
    case 'kprobe':
    case 'kretprobe': {
      const { name, offset } = parseFunction(hook);
      return simple({ how: 'kprobe', a: name, offset, ret: kind === 'kretprobe' });
    }
    case 'kprobe.multi':
    case 'kretprobe.multi':
      return simple({ how: 'kprobe.multi', a: parseFunction(hook).name, ret: kind === 'kretprobe.multi' });
    case 'ksyscall':
    case 'kretsyscall':
      return simple({ how: 'ksyscall', a: parseFunction(hook).name, ret: kind === 'kretsyscall' });
    case 'uprobe':
    case 'uretprobe': {
      const { path, name, offset } = parseUserFunction(hook);
      return simple({
        how: 'uprobe',
        a: path,
        b: name || undefined,
        number: pid,
        offset,
        ret: kind === 'uretprobe',
      });
    }
    case 'usdt': {
      const [a, b, c] = parseUsdt(hook);
      return simple({ how: 'usdt', a, b, c, number: pid });
    }
    case 'raw_tp':
      if (hook.target === '') throw missingTarget(hook, 'sched_switch');
      return simple({ how: 'raw_tracepoint', a: hook.target });
    case 'tp_btf':
    case 'fentry':
    case 'fexit':
    case 'fmod_ret':
    case 'lsm':
      // Their function was fixed when they were loaded.
      return simple({ how: options.cookie === undefined ? 'auto' : 'trace' });
    case 'iter':
      return simple({ how: 'auto' });
    case 'perf_event':
      return planPerfEvent(hook, options);
    case 'xdp':
      return simple({ how: 'xdp', number: interfaceIndex(hook, options) });
    case 'tc':
    case 'netkit':
      return planNetwork(hook, section, options);
    case 'cgroup':
    case 'cgroup_skb':
    case 'lsm_cgroup':
    case 'sock_ops':
      return planFile(
        hook,
        'cgroup',
        options.target,
        '/sys/fs/cgroup/unified/my-service, a cgroup2 directory',
      );
    case 'sk_lookup':
    case 'flow_dissector':
      return planFile(hook, 'netns', options.target ?? '/proc/self/ns/net', '/proc/self/ns/net');
    default:
      throw new BpfError(
        'SKEP_UNSUPPORTED',
        `Program "${hook.program}" in section "${section}" has no hook that it could be attached to by itself`,
        {
          hint: 'Sockets, socket maps, routes and struct_ops take programs by other means; its test run works.',
          object: hook.program,
        },
      );
  }
}

/** A program that is given to a directory or a namespace. */
function planFile(hook: Hook, how: 'cgroup' | 'netns', path: string | undefined, example: string): Plan {
  if (path === undefined) throw missingTarget({ ...hook, target: '' }, example);
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY);
  } catch (cause) {
    throw new BpfError(
      'SKEP_ATTACH',
      `Program "${hook.program}" cannot be attached: ${path} cannot be opened`,
      {
        hint: `${(cause as Error).message}. Expected is something like ${example}.`,
        object: hook.program,
        cause,
      },
    );
  }
  return { steps: [{ how, number: fd }], release: () => closeSync(fd) };
}

function interfaceIndex(hook: Hook, options: AttachOptions): number {
  const name = options.target;
  if (name === undefined)
    throw missingTarget({ ...hook, target: '' }, 'eth0, the name of a network interface');
  try {
    return native().interfaceIndex(name);
  } catch (cause) {
    if (!isNativeError(cause)) throw cause;
    throw new BpfError(
      'SKEP_ATTACH',
      `Program "${hook.program}" cannot be attached: there is no network interface "${name}"`,
      {
        hint: 'ip link shows which there are (in this network namespace).',
        object: hook.program,
        errno: cause.errno,
        cause,
      },
    );
  }
}

/** tcx and netkit: links of the kernel's own, since 6.6 and 6.7. */
function planNetwork(hook: Hook, section: string, options: AttachOptions): Plan {
  const side = options.direction ?? section.split('/')[1] ?? (hook.kind === 'tc' ? 'ingress' : 'primary');
  const attachType = linkTypes[`${hook.kind} ${side}`];
  if (attachType === undefined) {
    throw new BpfError(
      'SKEP_ARGUMENT',
      `Program "${hook.program}" cannot be attached: "${side}" is no side of a ${hook.kind} hook`,
      {
        hint: 'tc has ingress and egress, netkit primary and peer; name it in the section or as direction.',
        object: hook.program,
      },
    );
  }
  return { steps: [], bare: { target: interfaceIndex(hook, options), attachType }, release: () => {} };
}

const PERF_TYPE_SOFTWARE = 1;
const PERF_COUNT_SW_CPU_CLOCK = 0;

/** A clock on each CPU, or on one, or one that follows a process. */
function planPerfEvent(hook: Hook, options: AttachOptions): Plan {
  const { pid = -1, sampleFrequency = 49 } = options;
  const cpus = options.cpu !== undefined ? [options.cpu] : pid >= 0 ? [-1] : onlineCpus();
  const fds: number[] = [];
  // An attached event belongs to its link.
  const release = (attached: number) => {
    for (const fd of fds.slice(attached)) native().fdClose(fd);
  };
  try {
    for (const cpu of cpus) {
      const config = [PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, sampleFrequency] as const;
      fds.push(native().perfOpen(...config, true, false, 0, pid, cpu));
    }
  } catch (cause) {
    release(0);
    if (!isNativeError(cause)) throw cause;
    throw attachError({ ...hook, target: `a clock of ${sampleFrequency} Hz` }, cause);
  }
  return { steps: fds.map((number) => ({ how: 'perf_event', number })), release };
}

import { closeSync, constants, openSync, readFileSync, statfsSync } from 'node:fs';
import { beginsAsElf } from '../elf/user-elf.ts';
import { findUserFile, usdtFileOf, userFunctions } from '../elf/user-functions.ts';
import { BpfError } from '../errors.ts';
import { Errno } from '../kernel/errno.ts';
import { hasKernelFunction, systemCallWrapper } from '../kernel/functions.ts';
import { securityModules } from '../kernel/security-modules.ts';
import { isThere } from '../kernel/there.ts';
import { globRegExp, traceableFunctions } from '../kernel/traceable.ts';
import { isNativeError, type NativeAttachKind, native } from '../native.ts';
import type { AttachOptions } from './attach.ts';
import { attachClsact } from './clsact.ts';
import { inNetns, netnsPath } from './netns.ts';
import { planPerfEvent } from './perf-events.ts';
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

/** What is attached without libbpf: a file whose closing detaches it, or something that has to be undone by hand. */
export type Bare = { fd: number } | { undo: () => void };

/** How a program will be attached: the calls to make, or what is done for hooks that libbpf 1.1 lacks. */
export interface Plan {
  steps: Step[];
  bare?: (programFd: number) => Bare;
  /** The network namespace in which the steps are made. */
  netns?: string;
  /** Frees what the plan opened; `attached` steps have taken over what was theirs. */
  release(attached: number): void;
}

const simple = (step: Step): Plan => ({ steps: [step], release: () => {} });

const bare = (make: (programFd: number) => Bare): Plan => ({ steps: [], bare: make, release: () => {} });

/** Attach types of `enum bpf_attach_type` for which libbpf 1.1 has no call. */
const linkTypes: Readonly<Record<string, number>> = {
  'tc ingress': 46,
  'tc egress': 47,
  'netkit primary': 54,
  'netkit peer': 55,
};
const KPROBE_MULTI = 42;
const UPROBE_MULTI = 48;
const KPROBE_SESSION = 56;
const UPROBE_SESSION = 57;
const RETURN = 1;
/** Of BTF. */
const KIND_ENUM = 6;
/** Of statfs(2), from linux/magic.h. */
const CGROUP2_MAGIC = 0x63677270;
const NSFS_MAGIC = 0x6e736673;

/** A function's name, or of a system call what it is called here, where only that is there. */
function asCalledHere(name: string): string {
  const wrapper = systemCallWrapper(name, process.arch);
  return wrapper !== undefined && hasKernelFunction(name) === false && hasKernelFunction(wrapper)
    ? wrapper
    : name;
}

/** Works out how a program of this kind reaches its hook. Opens what it must (a cgroup, perf events). */
export function planAttach(hook: Hook, section: string, options: AttachOptions): Plan {
  const { kind } = hook;
  const pid = options.pid ?? -1;
  if (pid > 0 && !isThere(`/proc/${pid}`))
    throw new BpfError(
      'SKEP_ATTACH',
      `Program "${hook.program}" cannot be attached to ${kind}${hook.target && ` ${hook.target}`}: there is no process ${pid}`,
      { hint: 'It may have ended; check the pid.', object: hook.program },
    );
  switch (kind) {
    case 'tracepoint': {
      const [a, b] = parseTracepoint(hook);
      return simple({ how: 'tracepoint', a, b });
    }
    case 'kprobe':
    case 'kretprobe': {
      const { name, offset } = parseFunction(hook);
      return simple({ how: 'kprobe', a: asCalledHere(name), offset, ret: kind === 'kretprobe' });
    }
    case 'kprobe.multi':
    case 'kretprobe.multi':
      return planFunctions(hook, KPROBE_MULTI, kind === 'kretprobe.multi');
    case 'kprobe.session':
      return planFunctions(hook, KPROBE_SESSION, false);
    case 'ksyscall':
    case 'kretsyscall':
      return simple({ how: 'ksyscall', a: parseFunction(hook).name, ret: kind === 'kretsyscall' });
    case 'uprobe':
    case 'uretprobe': {
      const { path, name, offset } = parseUserFunction(hook);
      return simple({
        how: 'uprobe',
        a: name === '' ? findUserFile(path) : programFile(hook, path),
        b: name || undefined,
        number: pid,
        offset,
        ret: kind === 'uretprobe',
      });
    }
    case 'uprobe.multi':
    case 'uretprobe.multi':
    case 'uprobe.session':
      return planUserFunctions(hook, options);
    case 'usdt': {
      const [a, b, c] = parseUsdt(hook);
      return simple({
        how: 'usdt',
        a: a === undefined ? usdtFileOf(pid, b, c, hook.program) : programFile(hook, a),
        b,
        c,
        number: pid,
      });
    }
    case 'raw_tp':
      if (hook.target === '') throw missingTarget(hook, 'sched_switch');
      return simple({ how: 'raw_tracepoint', a: hook.target });
    case 'tp_btf':
    case 'fentry':
    case 'fexit':
    case 'fmod_ret':
      // Their function was fixed when they were loaded.
      return simple({ how: options.cookie === undefined ? 'auto' : 'trace' });
    case 'fsession':
      // libbpf 1.1 has no way for the section, and the same for the program.
      return simple({ how: 'trace' });
    case 'lsm':
      called(hook);
      return simple({ how: options.cookie === undefined ? 'auto' : 'trace' });
    case 'iter':
      return planIterator(hook, section, options);
    case 'perf_event':
      return planPerfEvent(hook, options);
    case 'xdp':
      return {
        ...simple({
          how: 'xdp',
          number: inNetns(options.netns, hook.program, () => interfaceIndex(hook, options)),
        }),
        netns: options.netns,
      };
    case 'netfilter':
      return planNetfilter(hook, options);
    case 'socket_filter':
      return planSocket(hook, options);
    case 'tc':
    case 'netkit':
      return planNetwork(hook, section, options);
    case 'cgroup':
    case 'cgroup_skb':
    case 'lsm_cgroup':
    case 'sock_ops':
      if (kind === 'lsm_cgroup') called(hook);
      return planFile(
        hook,
        'cgroup',
        options.target === undefined ? undefined : cgroupPath(options.target),
        '/sys/fs/cgroup/unified/my-service, a cgroup2 directory',
      );
    case 'sk_lookup':
    case 'flow_dissector':
      return planFile(hook, 'netns', netnsPath(options.target ?? '/proc/self/ns/net'), '/proc/self/ns/net');
    default:
      throw new BpfError(
        'SKEP_UNSUPPORTED',
        `Program "${hook.program}" in section "${section}" has no hook that it could be attached to by itself`,
        {
          hint: 'Socket maps, routes, tail calls and struct_ops take programs by other means; its test run works.',
          object: hook.program,
        },
      );
  }
}

/** A pipe is told before libbpf opens it, and waits for whoever writes to it. */
function programFile(hook: Hook, path: string): string {
  const file = findUserFile(path);
  if (!isThere(file) || beginsAsElf(file) !== false) return file;
  throw new BpfError(
    'SKEP_ATTACH',
    `Program "${hook.program}" cannot be attached to ${hook.kind} ${hook.target}: ${path} is no program or library`,
    { hint: 'An ELF file is wanted, such as /bin/bash or libc.so.6.', object: hook.program },
  );
}

/** A kernel of which BPF is no active security module attaches its programs all the same, and never calls them. */
function called(hook: Hook): void {
  const modules = securityModules();
  if (modules === undefined || modules.includes('bpf')) return;
  throw new BpfError(
    'SKEP_UNSUPPORTED',
    `Program "${hook.program}" (${hook.kind}) cannot be attached: this kernel would never call it, bpf is not among its active security modules (${modules.join(', ')})`,
    { hint: 'It needs CONFIG_BPF_LSM, and "bpf" in the boot option lsm=.', object: hook.program },
  );
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
  if (how === 'cgroup' && statfsSync(path).type !== CGROUP2_MAGIC) {
    closeSync(fd);
    throw new BpfError(
      'SKEP_ATTACH',
      `Program "${hook.program}" cannot be attached to ${hook.kind} ${path}: that is not a cgroup2 directory`,
      { hint: 'mount -t cgroup2 shows where they are, often /sys/fs/cgroup.', object: hook.program },
    );
  }
  if (how === 'netns' && statfsSync(path).type !== NSFS_MAGIC) {
    closeSync(fd);
    throw new BpfError(
      'SKEP_ATTACH',
      `Program "${hook.program}" cannot be attached to ${hook.kind} ${path}: that is no network namespace`,
      { hint: 'ip netns lists those with a name; a process has its own as its pid.', object: hook.program },
    );
  }
  return { steps: [{ how, number: fd }], release: () => closeSync(fd) };
}

/** A directory of cgroup2: as it is, or where it is below the mount, as `/` is. */
function cgroupPath(name: string): string {
  if (isThere(name) && statfsSync(name).type === CGROUP2_MAGIC) return name;
  const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/self/mounts', 'utf8'))?.[1];
  const below = `${mount}/${name.replace(/^\/+/, '')}`;
  return mount !== undefined && isThere(below) ? below : name;
}

/** A link to many kernel functions, found by pattern among those that can be traced (5.18, sessions 6.10). */
function planFunctions(hook: Hook, attachType: number, ret: boolean): Plan {
  const pattern = parseFunction(hook).name;
  const names = /[*?]/.test(pattern) ? traceableFunctions(pattern) : [pattern];
  if (names.length === 0) {
    throw new BpfError(
      'SKEP_UNSUPPORTED',
      `Program "${hook.program}" cannot be attached: no function of this kernel that can be traced is called "${pattern}"`,
      {
        hint: 'grep in /sys/kernel/tracing/available_filter_functions shows which there are.',
        object: hook.program,
      },
    );
  }
  const bytes = Buffer.from(`${names.join('\0')}\0`, 'latin1');
  return bare((program) => ({ fd: native().kprobeMultiLink(program, bytes, attachType, ret ? RETURN : 0) }));
}

/** A link to many functions of a program or library (6.6, sessions 6.13). */
function planUserFunctions(hook: Hook, options: AttachOptions): Plan {
  const { path, name, offset } = parseUserFunction(hook);
  const file = findUserFile(path);
  const fits = globRegExp(name);
  // A place in the file needs no names; one in functions is as far into each.
  const starts =
    name === ''
      ? [0n]
      : userFunctions(file)
          .filter((f) => fits.test(f.name))
          .map((f) => f.fileOffset);
  const offsets = [...new Set(starts.map((start) => start + BigInt(offset)))];
  if (offsets.length === 0) {
    throw new BpfError(
      'SKEP_ATTACH',
      `Program "${hook.program}" cannot be attached: ${file} has no function "${name}"`,
      { hint: `nm -D ${file} lists its exported functions.`, object: hook.program },
    );
  }
  const bytes = new Uint8Array(BigUint64Array.from(offsets).buffer);
  const flags = hook.kind === 'uretprobe.multi' ? RETURN : 0;
  const attachType = hook.kind === 'uprobe.session' ? UPROBE_SESSION : UPROBE_MULTI;
  return bare((program) => ({
    fd: native().uprobeMultiLink(program, file, bytes, attachType, flags, options.pid ?? 0),
  }));
}

/** Of kernels whose iterators go over everything: what they lack, and the way out. */
export const NOT_OVER_ONE = [
  'this kernel has no iterators over one process or cgroup',
  'They are there from Linux 6.1 on; without a target it goes over all.',
] as const;

/** An iterator goes over all there is, or over what it is pointed at (a map; since 6.1 a process or a cgroup). */
function planIterator(hook: Hook, section: string, options: AttachOptions): Plan {
  if (options.map !== undefined) return simple({ how: 'iter.map', number: options.map });
  if (options.pid !== undefined) {
    // Known before the kernel is asked, which answers that it was told too much.
    if (native().kernelTypeId('bpf_iter_task_type', KIND_ENUM) === 0)
      throw new BpfError(
        'SKEP_UNSUPPORTED',
        `Program "${hook.program}" cannot be attached to iter ${hook.target}: ${NOT_OVER_ONE[0]}`,
        { hint: NOT_OVER_ONE[1], object: hook.program },
      );
    return simple({ how: 'iter.task', number: options.pid });
  }
  if (/\/(bpf_map_elem|bpf_sk_storage_map|sockmap)$/.test(section))
    throw new BpfError(
      'SKEP_ATTACH',
      `Program "${hook.program}" cannot be attached: it goes over a map, and none is named`,
      { hint: 'Name a map of the object as its target.', object: hook.program },
    );
  if (!/\/cgroup$/.test(section)) return simple({ how: 'auto' });
  const path = options.target === undefined ? undefined : cgroupPath(options.target);
  const plan = planFile(hook, 'cgroup', path, 'a cgroup2 directory');
  return { ...plan, steps: plan.steps.map((s) => ({ ...s, how: 'iter.cgroup' })) };
}

/** In the order of `enum nf_inet_hooks`. */
const netfilterHooks = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

/** A link among the netfilter hooks of a namespace (6.4), in the middle of the others' priorities. */
function planNetfilter(hook: Hook, options: AttachOptions): Plan {
  const [family = '', name = ''] = (options.target ?? '').split(':');
  const number = netfilterHooks.indexOf(name);
  const families: Readonly<Record<string, number>> = { ipv4: 2, ipv6: 10 };
  if (!Object.hasOwn(families, family) || number < 0) throw missingTarget(hook, 'ipv4:input');
  return bare((program) => ({
    fd: inNetns(options.netns, hook.program, () =>
      native().netfilterLink(program, families[family]!, number, 0),
    ),
  }));
}

/** The filter of a packet socket on an interface, or on all. Nothing but the socket's own copy is filtered. */
function planSocket(hook: Hook, options: AttachOptions): Plan {
  if (options.target === undefined) throw missingTarget({ ...hook, target: '' }, 'eth0, or any');
  const index =
    options.target === 'any' ? 0 : inNetns(options.netns, hook.program, () => interfaceIndex(hook, options));
  return bare((program) => ({
    fd: inNetns(options.netns, hook.program, () => native().packetSocket(program, index)),
  }));
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

/** tcx and netkit: links of the kernel's own, since 6.6 and 6.7. Before, tc programs go into a clsact qdisc. */
function planNetwork(hook: Hook, section: string, options: AttachOptions): Plan {
  const sides = hook.kind === 'tc' ? ['ingress', 'egress'] : ['primary', 'peer'];
  const named = section.split('/')[1] ?? '';
  const side = options.direction ?? (sides.includes(named) ? named : sides[0]!);
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
  const index = inNetns(options.netns, hook.program, () => interfaceIndex(hook, options));
  return bare((program) =>
    inNetns(options.netns, hook.program, () => {
      try {
        return { fd: native().linkCreate(program, index, attachType, 0) };
      } catch (cause) {
        // A kernel without tcx does not know the attach type.
        if (hook.kind !== 'tc' || !isNativeError(cause) || cause.errno !== Errno.EINVAL) throw cause;
        return attachClsact(program, index, side === 'egress', options.netns, hook.program);
      }
    }),
  );
}

import { readFileSync } from 'node:fs';
import { Btf } from '../btf/btf.ts';
import { runningFunctions, runningSymbols } from '../facts/functions.ts';
import { probeHook } from '../features/hooks.ts';
import { hasKernelBtf } from '../features/system.ts';
import { Errno } from '../kernel/errno.ts';
import { tracefs, tracefsReadable, tracepointsIn } from '../kernel/filesystems.ts';
import { hasKernelFunction, hasKprobes } from '../kernel/functions.ts';
import type { NativeError } from '../native.ts';
import type { Reason } from './attach-error.ts';
import { uprobe, usdt } from './diagnose-user.ts';
import { nearest } from './nearest.ts';
import { NOT_OVER_ONE } from './plan.ts';
import { type Hook, parseTracepoint } from './target.ts';

/** Looks for the reason of a refused attachment in the system; undefined when it shows none. */
export function diagnose(hook: Hook, cause: NativeError): Reason | undefined {
  switch (hook.kind) {
    case 'tracepoint':
      return tracepoint(hook, cause);
    case 'kprobe':
    case 'kretprobe':
    case 'kprobe.multi':
    case 'kretprobe.multi':
    case 'ksyscall':
    case 'kretsyscall':
      return kprobe(hook, cause);
    case 'uprobe.multi':
    case 'uretprobe.multi':
      return cause.errno === Errno.EINVAL && !attaches('BPF_TRACE_UPROBE_MULTI')
        ? unsupported(
            'this kernel has no links to many user functions',
            'They are there from Linux 6.6 on; uprobe takes one function.',
          )
        : uprobe(hook, cause);
    case 'kprobe.session':
      return cause.errno === Errno.EINVAL && hasKprobes() && !attaches('BPF_TRACE_KPROBE_SESSION')
        ? unsupported(
            'this kernel has no kprobe sessions',
            'They are there from Linux 6.10 on; kprobe.multi and kretprobe.multi are older.',
          )
        : kprobe(hook, cause);
    case 'uprobe.session':
      return cause.errno === Errno.EINVAL && !attaches('BPF_TRACE_UPROBE_SESSION')
        ? unsupported(
            'this kernel has no uprobe sessions',
            'They are there from Linux 6.13 on; uprobe.multi and uretprobe.multi are older.',
          )
        : uprobe(hook, cause);
    case 'uprobe':
    case 'uretprobe':
      return uprobe(hook, cause);
    case 'usdt':
      return usdt(hook, cause);
    case 'raw_tp':
      // bpf_probe_register() compares what the verifier saw being read with the number of arguments.
      if (cause.errno === Errno.EINVAL)
        return {
          code: 'SKEP_ATTACH',
          why: 'it reads an argument that this tracepoint does not have here',
          hint: `Tracepoints change between kernel versions, and stable ones among them: bpftool btf dump file /sys/kernel/btf/vmlinux | grep -A 9 btf_trace_${hook.target} shows its arguments here.`,
        };
      return cause.errno === Errno.ENOENT
        ? unsupported(
            'this kernel has no such tracepoint',
            'Raw tracepoints are named without their category, as in raw_tp/sched_switch.',
          )
        : undefined;
    case 'fentry':
    case 'fexit':
    case 'fmod_ret':
    case 'fsession':
      return cause.errno === Errno.ENOTSUPP ? trampoline(hook) : untraceable(hook);
    case 'perf_event':
      return perfEvent(cause);
    case 'tc':
      return cause.errno === Errno.ENOENT
        ? unsupported(
            'this kernel has neither tcx nor the clsact qdisc with its cls_bpf filters',
            'tcx is there from Linux 6.6 on; before, it needs the modules sch_ingress and cls_bpf.',
          )
        : undefined;
    case 'iter':
      // What it is pointed at is said in more bytes than the kernel knows.
      return cause.errno === Errno.E2BIG ? unsupported(...NOT_OVER_ONE) : undefined;
    case 'netkit':
      return cause.errno === Errno.EINVAL
        ? unsupported('this kernel has no links for it', 'netkit is there from Linux 6.7 on.')
        : undefined;
    default:
      return undefined;
  }
}

/** Whether the kernel's types name a way to attach; of a kernel without types nobody knows, and most are old. */
function attaches(type: string): boolean {
  if (!hasKernelBtf()) return false;
  const types = Btf.kernel().find('bpf_attach_type', 'enum');
  return types?.kind === 'enum' && types.values.some((v) => v.name === type);
}

/** What ftrace does not know begins without room for a call: the kernel takes it for a function that is traced already. */
function untraceable({ target }: Hook): Reason | undefined {
  return runningFunctions(runningSymbols())?.look(target, 'ftrace') === 'untraceable'
    ? unsupported('this function must not be traced', 'It is marked notrace: hook a caller of it.')
    : undefined;
}

function unsupported(why: string, hint: string): Reason {
  return { code: 'SKEP_UNSUPPORTED', why, hint };
}

const noTracefs = unsupported(
  'tracefs is not mounted, so the kernel cannot be asked for it',
  'Run as root: mount -t tracefs tracefs /sys/kernel/tracing',
);

function tracepoint(hook: Hook, cause: NativeError): Reason | undefined {
  const where = tracefs();
  if (!where) return noTracefs;
  if (!tracefsReadable()) {
    return {
      code: 'SKEP_PERMISSION',
      why: `this process may not read ${where}`,
      hint: 'It is for root only by default: run with sudo, or remount it with gid= for a group.',
    };
  }
  const [category, name] = parseTracepoint(hook);
  const names = tracepointsIn(category);
  if (!names) {
    return unsupported(
      `this kernel has no tracepoint category "${category}"`,
      `ls ${where}/events shows which it has. It may belong to a module that is not loaded, or to another kernel version.`,
    );
  }
  if (names.includes(name)) {
    // perf_event_set_bpf_prog() compares what the verifier saw being read with the record's size.
    if (cause.errno !== Errno.EACCES) return undefined;
    return {
      code: 'SKEP_ATTACH',
      why: 'it reads past the end of what this tracepoint hands over',
      hint: `Its context is not the struct that the program takes it for: cat ${where}/events/${category}/${name}/format shows the members this kernel has.`,
    };
  }
  const near = nearest(name, names, 3);
  return unsupported(
    `this kernel has no such tracepoint`,
    near.length
      ? `Near it there is: ${near.map((n) => `${category}/${n}`).join(', ')}.`
      : `ls ${where}/events/${category} shows which it has.`,
  );
}

function kprobe(hook: Hook, cause: NativeError): Reason | undefined {
  if (!hasKprobes()) {
    return unsupported(
      'this kernel was built without kprobes (CONFIG_KPROBES)',
      'Use a tracepoint, tp_btf or raw_tp hook, which every kernel has; or a kernel with kprobes, as all distributions ship.',
    );
  }
  const name = hook.target.split('+')[0]!;
  if (hook.kind !== 'kprobe' && hook.kind !== 'kretprobe') return undefined;
  if (hasKernelFunction(name) === false) {
    return unsupported(
      `this kernel has no function "${name}"`,
      `It may have been renamed or inlined in this version: grep ${name} /proc/kallsyms`,
    );
  }
  if (cause.errno === Errno.EPERM || cause.errno === Errno.EACCES) return undefined;
  return unsupported(
    `the kernel does not allow a probe there`,
    'Functions that are inlined, marked notrace or on the kprobe blacklist cannot be probed; try a caller of it.',
  );
}

/** The program is loaded; what a trampoline would need turns out when one is made. */
function trampoline(hook: Hook): Reason {
  if (probeHook('fentry').available === false)
    return unsupported(
      'this kernel has no BPF trampolines',
      'They need CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS, which arm64 has from Linux 6.4 on: use a kprobe, tp_btf or tracepoint hook.',
    );
  // arm64 answers the same to a function without room for a call, where x86-64 says that it is busy.
  return (
    untraceable(hook) ??
    unsupported(
      "this kernel's trampolines do not carry the arguments of this function",
      'They carry six on x86-64 before Linux 6.6, and eight on arm64 before 6.16: use a kprobe.',
    )
  );
}

function perfEvent(cause: NativeError): Reason | undefined {
  if (cause.errno === Errno.ENOENT || cause.errno === Errno.EOPNOTSUPP)
    return unsupported(
      'this machine has no counter for it',
      'Virtual machines often have no hardware counters; cpu-clock, page-faults and context-switches are counted by the kernel.',
    );
  if (cause.errno === Errno.ESRCH)
    return {
      code: 'SKEP_ATTACH',
      why: 'there is no such process',
      hint: 'It may have ended; check the pid.',
    };
  if (cause.errno !== Errno.EACCES && cause.errno !== Errno.EPERM) return undefined;
  const level = readFileSync('/proc/sys/kernel/perf_event_paranoid', 'utf8').trim();
  return {
    code: 'SKEP_PERMISSION',
    why: `this process may not open perf events (kernel.perf_event_paranoid is ${level})`,
    // Above 2 there are kernels that take nothing less (Debian's, Ubuntu's).
    hint:
      Number(level) > 2
        ? 'It needs CAP_SYS_ADMIN, or: sysctl kernel.perf_event_paranoid=2.'
        : 'It needs CAP_PERFMON, or root.',
  };
}

import { BpfError } from '../errors.ts';
import { Errno, errnoName } from '../kernel/errno.ts';
import { tracefs, tracefsReadable } from '../kernel/filesystems.ts';
import { hasKprobes } from '../kernel/functions.ts';
import { securityModules } from '../kernel/security-modules.ts';
import { isThere } from '../kernel/there.ts';
import { programTypeNumber } from '../kernel/types.ts';
import { isNativeError, native } from '../native.ts';
import { available, type FeatureResult, missing, unknown } from './result.ts';

/** Kinds of hook whose presence a program type does not tell. */
export const hookKinds = [
  'tracepoint',
  'raw_tp',
  'tp_btf',
  'kprobe',
  'kprobe.multi',
  'uprobe',
  'fentry',
  'fexit',
  'lsm',
  'iter',
  'perf_event',
] as const;

/** One of {@link hookKinds}. */
export type HookKind = (typeof hookKinds)[number];

/** The smallest program: `r0 = 0; exit`. */
export const doNothing = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
// enum of BTF kinds
const KIND_TYPEDEF = 8;
const KIND_FUNC = 12;
// enum bpf_attach_type
const attachTypes = { tp_btf: 23, fentry: 24, fexit: 25, lsm: 27, iter: 28, 'kprobe.multi': 42 } as const;

/**
 * Whether programs can really be attached to a kind of hook on this kernel, found out by attaching one that
 * does nothing, for an instant, to a function or event that is as good as never used.
 */
export function probeHook(kind: HookKind): FeatureResult {
  switch (kind) {
    case 'tracepoint':
      if (!tracefs())
        return missing('tracefs is not mounted', 'Run as root: mount -t tracefs tracefs /sys/kernel/tracing');
      return tracefsReadable()
        ? available
        : unknown('this process may not read tracefs', 'Run it with sudo.');
    case 'kprobe':
      return hasKprobes()
        ? available
        : missing(
            'the kernel was built without kprobes',
            'It needs CONFIG_KPROBES; use tracepoint, tp_btf or raw_tp hooks here.',
          );
    case 'uprobe':
      return isThere('/sys/bus/event_source/devices/uprobe') || isThere(`${tracefs()}/uprobe_events`)
        ? available
        : missing('the kernel was built without uprobes', 'It needs CONFIG_UPROBES.');
    case 'kprobe.multi':
      return tried(
        () => withProgram('kprobe', attachTypes['kprobe.multi'], 0, kprobeMulti),
        '5.18',
        'It needs CONFIG_FPROBE.',
      );
    case 'raw_tp':
      return tried(
        () =>
          withProgram('raw_tracepoint', 0, 0, (fd) => native().rawTracepointOpen('sched_process_exit', fd)),
        '4.17',
        'It needs CONFIG_BPF_EVENTS.',
      );
    case 'tp_btf':
      return traced('tp_btf', 'sched_process_exit', '5.5', 'It needs CONFIG_DEBUG_INFO_BTF.');
    case 'fentry':
    case 'fexit':
      return traced(
        kind,
        'bpf_fentry_test1',
        '5.5',
        'It needs BPF trampolines: CONFIG_FUNCTION_TRACER with direct calls (arm64: Linux 6.4); use tp_btf or raw_tp hooks here.',
      );
    case 'lsm':
      return lsm();
    case 'iter':
      return tried(
        () =>
          withProgram('tracing', attachTypes.iter, btfId('task', attachTypes.iter), (fd) =>
            native().linkCreate(fd, 0, attachTypes.iter, 0),
          ),
        '5.8',
        'It needs CONFIG_DEBUG_INFO_BTF.',
      );
    case 'perf_event':
      // The software CPU clock, on this thread only.
      return tried(
        () => native().perfOpen(1, 0, 1, true, false, 0, 0, -1),
        '4.9',
        'It needs CONFIG_PERF_EVENTS and CAP_PERFMON.',
      );
  }
}

/** Runs a probe whose file descriptor, if it succeeds, is closed at once. */
function tried(open: () => number, since: string, hint: string): FeatureResult {
  try {
    native().fdClose(open());
    return available;
  } catch (e) {
    if (e instanceof BpfError && e.code === 'SKEP_UNSUPPORTED') return missing(e.message, hint, since);
    if (!isNativeError(e)) throw e;
    const name = errnoName(e.errno);
    const rights = probeRights();
    return rights ?? missing(`the kernel refused one (${name})`, hint, since);
  }
}

/** Set when this process may not load what hooks take: then a refusal says nothing of the kernel. */
function probeRights(): FeatureResult | undefined {
  try {
    // Programs that trace need CAP_PERFMON beside CAP_BPF; others may be for everybody.
    native().fdClose(native().programLoad(programTypeNumber('tracepoint'), 0, doNothing, 'GPL', 0));
    return undefined;
  } catch (e) {
    if (!isNativeError(e)) throw e;
    if (e.errno !== Errno.EPERM && e.errno !== Errno.EACCES) return undefined;
    return unknown('this process may not load programs', 'Run it with sudo.');
  }
}

function withProgram(
  type: Parameters<typeof programTypeNumber>[0],
  attachType: number,
  btf: number,
  attach: (fd: number) => number,
): number {
  const fd = native().programLoad(programTypeNumber(type), attachType, doNothing, 'GPL', btf);
  try {
    return attach(fd);
  } finally {
    native().fdClose(fd);
  }
}

function btfId(name: string, attachType: number): number {
  const id = kernelTypeOf(name, attachType);
  if (id > 0) return id;
  throw new BpfError('SKEP_UNSUPPORTED', `the kernel's BTF does not have ${name}`, {
    hint: 'It needs CONFIG_DEBUG_INFO_BTF.',
  });
}

/** What libbpf asks the kernel's types for, so that the next load need not read them again. */
function kernelTypeOf(name: string, attachType: number): number {
  switch (attachType) {
    case attachTypes.tp_btf:
      return native().kernelTypeId(`btf_trace_${name}`, KIND_TYPEDEF);
    case attachTypes.iter:
      return native().kernelTypeId(`bpf_iter_${name}`, KIND_FUNC);
    case attachTypes.lsm:
      return native().kernelTypeId(`bpf_lsm_${name}`, KIND_FUNC);
    default:
      return native().kernelTypeId(name, KIND_FUNC);
  }
}

/**
 * Whether this kernel refuses trampolines already when a program is loaded, which is told in a millisecond. That one
 * loads says less than {@link probeHook}: on arm64 before 6.4 only the attachment is refused.
 */
export function trampolinesRefused(): boolean {
  try {
    native().fdClose(withProgramOnly(attachTypes.fentry, btfId('bpf_fentry_test1', attachTypes.fentry)));
    return false;
  } catch (e) {
    if (!isNativeError(e) && !(e instanceof BpfError)) throw e;
    return probeRights() === undefined;
  }
}

function withProgramOnly(attachType: number, btf: number): number {
  return native().programLoad(programTypeNumber('tracing'), attachType, doNothing, 'GPL', btf);
}

function traced(
  kind: 'tp_btf' | 'fentry' | 'fexit',
  name: string,
  since: string,
  hint: string,
): FeatureResult {
  const type = attachTypes[kind];
  return tried(
    () => withProgram('tracing', type, btfId(name, type), (fd) => native().rawTracepointOpen(null, fd)),
    since,
    hint,
  );
}

/** A hook that is attached but never called is no hook: "bpf" must be among the active modules. */
function lsm(): FeatureResult {
  const type = attachTypes.lsm;
  const hint = 'It needs CONFIG_BPF_LSM, BPF trampolines, and "bpf" in the boot option lsm=.';
  const result = tried(
    () =>
      withProgram('lsm', type, btfId('file_mprotect', type), (fd) => native().rawTracepointOpen(null, fd)),
    '5.7',
    hint,
  );
  if (!result.available) return result;
  const modules = securityModules();
  if (modules === undefined || modules.includes('bpf')) return result;
  return missing(`the active security modules are ${modules.join(', ')}: bpf is not among them`, hint, '5.7');
}

/** Links one function that every kernel has. */
function kprobeMulti(fd: number): number {
  return native().kprobeMultiOpen(fd, 'bpf_fentry_test1');
}

import { existsSync, readFileSync } from 'node:fs';
import { BpfError } from '../errors.ts';
import { kernelDenied } from '../kernel/denied.ts';
import { Errno, errnoName } from '../kernel/errno.ts';
import { isNativeError, native } from '../native.ts';

/** What kernel lockdown forbids: at `integrity` writing user memory from programs, at `confidentiality` reading kernel memory too. */
export type Lockdown = 'none' | 'integrity' | 'confidentiality' | 'unknown';

/** `none [integrity] confidentiality`: the brackets mark what applies. */
export function parseLockdown(text: string): Lockdown {
  const m = /\[(none|integrity|confidentiality)\]/.exec(text);
  return m ? (m[1] as Lockdown) : 'unknown';
}

/**
 * The kernel's lockdown. From securityfs; where that is not mounted, from an instance of it that is mounted
 * nowhere (which needs root). `none` when the kernel has no lockdown at all.
 */
export function lockdown(): Lockdown {
  const path = '/sys/kernel/security/lockdown';
  try {
    if (existsSync(path)) return parseLockdown(readFileSync(path, 'utf8'));
    if (existsSync('/sys/kernel/security/lsm')) return 'none';
    return parseLockdown(native().readDetached('securityfs', 'lockdown'));
  } catch (e) {
    if (isNativeError(e) && e.errno === Errno.ENOENT) return 'none';
    if (isNativeError(e) || (e as NodeJS.ErrnoException).code === 'EACCES') return 'unknown';
    throw e;
  }
}

/** Whether this kernel describes its own types, which CO-RE programs and tp_btf, fentry, iter hooks need. */
export function hasKernelBtf(): boolean {
  return existsSync('/sys/kernel/btf/vmlinux');
}

/** What processes without CAP_BPF may do: sysctl kernel.unprivileged_bpf_disabled; undefined when it is not there. */
export function unprivilegedBpf(): 'allowed' | 'disabled' | 'disabled until reboot' | undefined {
  const path = '/proc/sys/kernel/unprivileged_bpf_disabled';
  if (!existsSync(path)) return undefined;
  const value = readFileSync(path, 'utf8').trim();
  return value === '0' ? 'allowed' : value === '1' ? 'disabled until reboot' : 'disabled';
}

/** Whether the kernel compiles programs to machine code: sysctl net.core.bpf_jit_enable; undefined when it does not tell. */
export function jitEnabled(): boolean | undefined {
  const path = '/proc/sys/net/core/bpf_jit_enable';
  try {
    return readFileSync(path, 'utf8').trim() !== '0';
  } catch (e) {
    // Readable by root only on most kernels.
    if (['EACCES', 'EPERM', 'ENOENT'].includes((e as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw e;
  }
}

/** Limits on locked memory in bytes, Infinity for none. Before Linux 5.11 maps and programs count against it. */
export function memlockLimit(): { soft: number; hard: number } {
  const { soft, hard } = native().memlock(false);
  const bytes = (n: number) => (n < 0 ? Number.POSITIVE_INFINITY : n);
  return { soft: bytes(soft), hard: bytes(hard) };
}

/**
 * Lifts the limit on locked memory. {@link BpfObject.load} does so by itself where the kernel needs it.
 * @throws {BpfError} `SKEP_PERMISSION` without CAP_SYS_RESOURCE
 */
export function raiseMemlock(): void {
  try {
    native().memlock(true);
  } catch (cause) {
    if (!isNativeError(cause)) throw cause;
    throw new BpfError('SKEP_PERMISSION', 'The limit on locked memory cannot be raised', {
      hint: 'It needs CAP_SYS_RESOURCE. Before starting: ulimit -l unlimited (as root), or LimitMEMLOCK=infinity in a systemd unit.',
      errno: cause.errno,
      cause,
    });
  }
}

/**
 * Has the kernel account each program's run time and count ({@link BpfProgram.info}) until it is disposed of;
 * costs about 20 ns a run. Linux 5.8.
 * @throws {BpfError} `SKEP_PERMISSION`, `SKEP_UNSUPPORTED`
 */
export function enableStats(): Disposable {
  let fd: number | undefined;
  try {
    fd = native().statsEnable();
  } catch (cause) {
    if (!isNativeError(cause)) throw cause;
    if (cause.errno === Errno.EPERM) throw kernelDenied('have the run time of programs accounted', cause);
    throw new BpfError(
      'SKEP_UNSUPPORTED',
      `This kernel does not account the run time of programs (${errnoName(cause.errno)})`,
      {
        hint: 'Linux 5.8 and later do; before, as root: sysctl kernel.bpf_stats_enabled=1.',
        errno: cause.errno,
        cause,
      },
    );
  }
  return {
    [Symbol.dispose]() {
      if (fd !== undefined) native().fdClose(fd);
      fd = undefined;
    },
  };
}

/** How long the machine has slept since it started, in nanoseconds: CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC by that. */
export function sleptNs(): number {
  return native().sleptNs();
}

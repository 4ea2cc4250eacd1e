import { release } from 'node:os';
import { BpfError } from '../errors.ts';
import { type NativeError, native } from '../native.ts';
import { capabilities } from './capabilities.ts';
import { Errno } from './errno.ts';

/**
 * The sentence for an EPERM that privileges explain: which are missing. `what` completes "… may not".
 */
export function kernelDenied(what: string, cause: NativeError, object?: string): BpfError {
  const have = capabilities();
  const missing = have.has('CAP_SYS_ADMIN') ? [] : ['CAP_BPF', 'CAP_PERFMON'].filter((c) => !have.has(c));
  const details = { object, errno: cause.errno, log: cause.log, cause };
  if (missing.length > 0) {
    return new BpfError(
      'SKEP_PERMISSION',
      `This process may not ${what}: it lacks ${missing.join(' and ')}`,
      {
        hint: 'Run it with sudo, or give it these capabilities (a container: --cap-add, CAP_NET_ADMIN too for network programs).',
        ...details,
      },
    );
  }
  const locked =
    cause.errno === Errno.EPERM ? lockedMemory(native().memlock(false).soft, have, release()) : undefined;
  if (locked !== undefined)
    return new BpfError('SKEP_PERMISSION', `The kernel does not let this process ${what}: ${locked}`, {
      hint: 'ulimit -l unlimited (as root) before it starts, LimitMEMLOCK=infinity in a unit of systemd, or CAP_SYS_RESOURCE.',
      ...details,
    });
  return new BpfError(
    'SKEP_PERMISSION',
    `The kernel does not let this process ${what}, though it has the capabilities`,
    {
      hint: 'Lockdown, a security module, a container’s seccomp profile or a memlock limit (ulimit -l) may forbid it: "skep doctor" shows what applies here.',
      ...details,
    },
  );
}

/**
 * Before Linux 5.11 maps and programs count as locked memory, and one too many is refused with the same EPERM. Undefined where
 * that cannot be what was in the way.
 *
 * @param limit bytes; below 0 there is none
 */
export function lockedMemory(limit: number, have: ReadonlySet<string>, release: string): string | undefined {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  if (major > 5 || (major === 5 && minor >= 11) || limit < 0 || have.has('CAP_SYS_RESOURCE'))
    return undefined;
  return `before Linux 5.11 maps and programs count as locked memory, of which it may have ${Math.floor(limit / 1024)} KiB`;
}

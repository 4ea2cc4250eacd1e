import { BpfError, type BpfErrorCode } from '../errors.ts';
import { kernelDenied } from '../kernel/denied.ts';
import { DESCRIPTOR_HINT, Errno, errnoName, outOfDescriptors } from '../kernel/errno.ts';
import type { NativeError } from '../native.ts';
import { diagnose } from './diagnose.ts';
import type { Hook } from './target.ts';

/** What stands behind a refused attachment. */
export interface Reason {
  code: BpfErrorCode;
  /** Completes "… cannot be attached to …: ". */
  why: string;
  hint: string;
}

/**
 * Turns the errno of an attachment into which program, which hook, and what this kernel lacks. The kernel
 * gives the same few numbers for everything, so the reason is looked for in the system itself.
 */
export function attachError(hook: Hook, cause: NativeError): BpfError {
  const reason = outOfDescriptors(cause.errno)
    ? NO_DESCRIPTORS
    : (diagnose(hook, cause) ?? byErrno(hook, cause));
  if (!reason)
    return kernelDenied(`attach program "${hook.program}" to ${describe(hook)}`, cause, hook.program);
  return new BpfError(
    reason.code,
    `Program "${hook.program}" cannot be attached to ${describe(hook)}: ${reason.why}`,
    {
      hint: reason.hint,
      object: hook.program,
      errno: cause.errno,
      log: cause.log,
      cause,
    },
  );
}

const NO_DESCRIPTORS: Reason = {
  code: 'SKEP_ATTACH',
  why: 'this process may open no more files',
  hint: DESCRIPTOR_HINT,
};

function describe(hook: Hook): string {
  return hook.target ? `${hook.kind} ${hook.target}` : hook.kind;
}

function byErrno(hook: Hook, cause: NativeError): Reason | undefined {
  switch (cause.errno) {
    case Errno.EPERM:
    case Errno.EACCES:
      return undefined;
    case Errno.EBUSY:
      return {
        code: 'SKEP_ATTACH',
        why: 'something else is attached there and does not share',
        hint: 'bpftool link show and bpftool net show say what is attached.',
      };
    case Errno.EEXIST:
      return {
        code: 'SKEP_ATTACH',
        why: 'it is attached there already',
        hint: 'Attach it once; close the other link first.',
      };
    case Errno.ESRCH:
      return {
        code: 'SKEP_ATTACH',
        why: 'there is no such process',
        hint: 'It may have ended; check the pid.',
      };
    case Errno.EINVAL:
    case Errno.EOPNOTSUPP:
    case Errno.ENOTSUPP:
      return {
        code: 'SKEP_UNSUPPORTED',
        why: `this kernel does not attach ${hook.kind} programs there (${errnoName(cause.errno)})`,
        hint: '"skep doctor" shows which kinds of hook this kernel has.',
      };
    default:
      return {
        code: 'SKEP_ATTACH',
        why: `the kernel answered ${errnoName(cause.errno)}`,
        hint: cause.log?.trim() || 'The kernel gives no more than this error number; dmesg may say more.',
      };
  }
}

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { BpfError } from '../errors.ts';
import { Errno, errnoName } from '../kernel/errno.ts';
import { isNativeError, native } from '../native.ts';

/** Pins what `fd` is at `path`, making the directory; `what` names it in errors. */
export function pinAt(fd: number, path: string, what: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    native().objPin(fd, path);
  } catch (cause) {
    const errno = isNativeError(cause) ? cause.errno : Math.abs((cause as NodeJS.ErrnoException).errno ?? 0);
    throw new BpfError('SKEP_PIN', `Cannot pin ${what} at ${path}: ${pinReason(errno)}`, {
      hint: pinHint(errno, path),
      object: path,
      errno,
      cause,
    });
  }
}

function pinReason(errno: number): string {
  if (errno === Errno.EEXIST) return 'something is there already';
  if (errno === Errno.EPERM || errno === Errno.EACCES)
    return 'that is not inside a bpf file system, or may not be written to';
  if (errno === Errno.EINVAL) return 'that is not inside a bpf file system (names there hold no dot)';
  return errnoName(errno);
}

function pinHint(errno: number, path: string): string {
  if (errno === Errno.EEXIST) return `Choose another place, or take it away with: rm ${path}`;
  return 'Pins live in a bpf file system, usually /sys/fs/bpf: mount -t bpf bpf /sys/fs/bpf (as root).';
}

/** Opens what is pinned at `path`. @throws {BpfError} `SKEP_PIN` */
export function openPinned(path: string): number {
  try {
    return native().objGet(path);
  } catch (cause) {
    if (!isNativeError(cause)) throw cause;
    throw new BpfError(
      'SKEP_PIN',
      cause.errno === Errno.ENOENT
        ? `Nothing is pinned at ${path}`
        : `Cannot open what is pinned at ${path} (${errnoName(cause.errno)})`,
      {
        hint: 'List pins with: bpftool -f map show, or ls /sys/fs/bpf.',
        object: path,
        errno: cause.errno,
        cause,
      },
    );
  }
}

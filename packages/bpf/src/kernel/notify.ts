import { BpfError } from '../errors.ts';
import { isNativeError, native } from '../native.ts';
import { errnoName } from './errno.ts';

/**
 * Tells the manager of this service something: `READY=1`, `STOPPING=1`, as sd_notify(3) does. Without one (`NOTIFY_SOCKET` is
 * not set) nothing happens.
 *
 * Source: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
 *
 * @returns whether somebody was told
 * @throws {BpfError} `SKEP_STATE` when its socket does not take it
 */
export function notifyService(state: string, env: NodeJS.ProcessEnv = process.env): boolean {
  const path = env.NOTIFY_SOCKET;
  if (!path) return false;
  try {
    return native().notify(path, state);
  } catch (cause) {
    if (!isNativeError(cause)) throw cause;
    throw new BpfError('SKEP_STATE', `NOTIFY_SOCKET ${path} takes no message (${errnoName(cause.errno)})`, {
      hint: 'It is set by systemd for a service with Type=notify; unset it when there is none.',
      errno: cause.errno,
      cause,
    });
  }
}

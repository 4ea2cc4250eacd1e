import { statSync } from 'node:fs';

/**
 * Whether there is a file or folder of that name, as far as this process can see. Node's `existsSync` is access(2), which
 * goes by the real user and leaves capabilities out of account: it finds nothing in tracefs or in another's
 * /proc/PID/root for a service of systemd's that has its rights by `AmbientCapabilities=`.
 */
export function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (e) {
    if (
      ['EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG', 'EINVAL'].includes((e as NodeJS.ErrnoException).code ?? '')
    )
      return false;
    throw e;
  }
}

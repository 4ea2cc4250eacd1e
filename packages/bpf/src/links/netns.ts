import { closeSync, openSync } from 'node:fs';
import { BpfError } from '../errors.ts';
import { isNativeError, native } from '../native.ts';

/** The file of a network namespace that was named: a file as it is, a pid, or a name of `ip netns`. */
export function netnsPath(name: string): string {
  if (name.includes('/')) return name;
  return /^\d+$/.test(name) ? `/proc/${name}/ns/net` : `/run/netns/${name}`;
}

/**
 * Does something in another network namespace. The thread is back in its own before this returns, so nothing else
 * of the process ever runs there.
 *
 * @param program who it is for, in errors
 * @throws {BpfError} `SKEP_ATTACH` when there is no such namespace, `SKEP_PERMISSION`
 */
export function inNetns<T>(name: string | undefined, program: string, work: () => T): T {
  if (name === undefined) return work();
  const path = netnsPath(name);
  const own = openSync('/proc/thread-self/ns/net', 'r');
  let other: number;
  try {
    other = openSync(path, 'r');
  } catch (cause) {
    closeSync(own);
    throw noNetns(program, name, path, cause);
  }
  try {
    native().networkEnter(other);
  } catch (cause) {
    closeSync(own);
    throw noNetns(program, name, path, cause);
  } finally {
    closeSync(other);
  }
  try {
    return work();
  } finally {
    native().networkEnter(own);
    closeSync(own);
  }
}

function noNetns(program: string, name: string, path: string, cause: unknown): BpfError {
  const denied = isNativeError(cause) && cause.errno === 1;
  const why = denied ? 'may not be entered' : 'cannot be entered';
  return new BpfError(
    denied ? 'SKEP_PERMISSION' : 'SKEP_ATTACH',
    `Program "${program}" cannot be attached: the network namespace "${name}" (${path}) ${why}`,
    {
      hint: denied
        ? 'Entering another network namespace needs CAP_SYS_ADMIN.'
        : 'ip netns lists those with a name; a process has its own as its pid.',
      object: program,
      cause,
    },
  );
}

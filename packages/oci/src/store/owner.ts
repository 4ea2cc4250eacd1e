import { readFileSync, readlinkSync } from 'node:fs';
import { randomId } from '../digest.ts';
import { errno } from '../errors.ts';

// Everything a process leaves lying about while it works carries its name: process id, start time (so that a
// reused id is not mistaken for it), process id namespace and boot. `1234-567890-4026531836-1a2b3c4d`.
const OWNER = /^(\d+)-(\d+)-(\d+)-([0-9a-f]{8})$/;
let own: string | undefined;

/** The name of this process among all that use a store. */
export function selfOwner(): string {
  own ??= `${process.pid}-${startTime('self')}-${pidNamespace()}-${bootId()}`;
  return own;
}

/** A name used once: that of this process and something random. */
export function uniqueName(): string {
  return `${selfOwner()}.${randomId()}`;
}

/**
 * Whether the process behind a name made by {@link selfOwner} or {@link uniqueName} still runs.
 * `unknown`: it belongs to another process id namespace (a container) or another machine or boot, and cannot be asked.
 */
export function liveness(name: string): 'alive' | 'dead' | 'unknown' {
  const m = OWNER.exec(name.split('.')[0] ?? '');
  if (m === null) return 'unknown';
  const [, pid = '', start, ns, boot] = m;
  if (boot !== bootId() || ns !== pidNamespace()) return 'unknown';
  const now = startTime(pid);
  if (now !== undefined) return now === start ? 'alive' : 'dead';
  // /proc may hide other users' processes (hidepid); a signal still tells whether the id is taken.
  try {
    process.kill(Number(pid), 0);
    return 'alive';
  } catch (e) {
    return errno(e) === 'ESRCH' ? 'dead' : 'alive';
  }
}

/** Field 22 of /proc/PID/stat; undefined when there is no such process or only its zombie. proc_pid_stat(5). */
function startTime(pid: string): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined; // gone, or hidden: the caller asks in another way
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? '0' : fields[19];
}

let namespace: string | undefined;
function pidNamespace(): string {
  namespace ??= /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  return namespace;
}

let boot: string | undefined;
function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
  return boot;
}

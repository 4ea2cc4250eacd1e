import { readdirSync, readFileSync } from 'node:fs';
import { BpfError } from '../errors.ts';
import { isNativeError, native } from '../native.ts';
import { errnoName } from './errno.ts';
import { isThere } from './there.ts';

/** Where file systems of a type are mounted, first mounted first, from /proc/self/mounts. */
function mountPoints(type: string): string[] {
  const out: string[] = [];
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, point, fs] = line.split(' ');
    // Spaces and such in paths are octal there.
    if (fs === type)
      out.push(point!.replace(/\\(\d{3})/g, (_, o) => String.fromCharCode(Number.parseInt(o, 8))));
  }
  return out;
}

/** The two places where libbpf looks for it. */
const tracefsPlaces = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];

/** Where tracefs is mounted, be it readable to this process or not; undefined when it is not mounted. */
export function tracefs(): string | undefined {
  // The look itself may mount the one below debugfs; only root can look, though.
  const seen = tracefsPlaces.find((p) => isThere(`${p}/events`));
  if (seen) return seen;
  const points = mountPoints('tracefs');
  return tracefsPlaces.find((p) => points.includes(p));
}

/** Whether this process may look up events in tracefs: by default root only. */
export function tracefsReadable(): boolean {
  const where = tracefs();
  return where !== undefined && isThere(`${where}/events`);
}

/** Where a bpf file system is mounted, /sys/fs/bpf when there are several; undefined when none is. */
export function bpffs(): string | undefined {
  const points = mountPoints('bpf');
  return points.includes('/sys/fs/bpf') ? '/sys/fs/bpf' : points[0];
}

function ensure(type: string, at: string, find: () => string | undefined): string {
  const there = find();
  if (there) return there;
  const command = `mount -t ${type} ${type} ${at}`;
  try {
    native().mountFs(type, at);
  } catch (cause) {
    if (!isNativeError(cause)) throw cause;
    const name = errnoName(cause.errno);
    const denied = name === 'EPERM' || name === 'EACCES';
    throw new BpfError(
      denied ? 'SKEP_PERMISSION' : 'SKEP_UNSUPPORTED',
      denied
        ? `${type} is not mounted, and this process may not mount it`
        : `${type} cannot be mounted at ${at} (${name})`,
      {
        hint: denied
          ? `Run as root: ${command}`
          : `Was the kernel built with it, and is /sys mounted? By hand: ${command}`,
        object: at,
        errno: cause.errno,
        cause,
      },
    );
  }
  return find() ?? at;
}

/** Mounts tracefs at /sys/kernel/tracing unless it is there. @returns where it is. @throws {BpfError} `SKEP_PERMISSION`, `SKEP_UNSUPPORTED` */
export function ensureTracefs(): string {
  return ensure('tracefs', '/sys/kernel/tracing', tracefs);
}

/** Mounts a bpf file system at /sys/fs/bpf unless one is there. @returns where it is. @throws {BpfError} `SKEP_PERMISSION`, `SKEP_UNSUPPORTED` */
export function ensureBpffs(): string {
  return ensure('bpf', '/sys/fs/bpf', bpffs);
}

/** The names of the tracepoints in a category such as `syscalls`; undefined when there is no such category. */
export function tracepointsIn(category: string): string[] | undefined {
  const dir = `${tracefs()}/events/${category}`;
  if (!isThere(dir)) return undefined;
  return readdirSync(dir, { withFileTypes: true })
    .filter((e) => e.isDirectory())
    .map((e) => e.name);
}

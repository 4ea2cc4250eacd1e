import { readlinkSync, statSync } from 'node:fs';
import { type CgroupPaths, parseCgroupFile } from '../cgroup/file.ts';
import type { Host } from '../host/host.ts';
import { Shared } from '../shared.ts';
import { parseStat } from './stat.ts';

/** Inode numbers of namespaces: equal numbers, same namespace. Those that may not be read are absent. */
export interface Namespaces {
  readonly net?: number;
  readonly pid?: number;
  readonly mnt?: number;
}

/** Of a process that has ended. */
export const NO_NAMESPACES: Namespaces = Object.freeze({});

/** A process, read from /proc in one go. */
export interface Process {
  pid: number;
  /** Clock ticks (1/100 s) since boot. Pid and start time together name a process for as long as the machine runs. */
  startTime: number;
  ppid: number;
  /** The kernel's name of its main thread, 15 bytes. */
  comm: string;
  /** The program's path, as seen in its own mount namespace. Absent for kernel threads and what we may not look at. */
  exe?: string;
  /** The program's file has been deleted, or replaced by another (an upgrade). `exe` is where it was. */
  exeDeleted: boolean;
  /** The command line. A program can rewrite its own: `nginx: master process` is one argument. */
  argv: readonly string[];
  /** The effective user id, in our user namespace. */
  uid: number;
  threads: number;
  kernelThread: boolean;
  /** It has ended and waits for its parent: nothing but name and ids is left. */
  zombie: boolean;
  /** Its pid inside its own pid namespace. */
  innerPid: number;
  cgroups: CgroupPaths;
  /** The id of its cgroup in v2, as bpf_get_current_cgroup_id gives it. */
  cgroupId?: bigint;
  namespaces: Namespaces;
}

/** Arguments are read up to here: class paths of Java are long, and the main class comes after them. */
const ARGV_BYTES = 128 * 1024;
const DELETED = ' (deleted)';

/** Reads a process. @returns undefined when there is none with this pid */
export function readProcess(host: Host, pid: number): Process | undefined {
  const stat = parseStat(host.procText(pid, 'stat', 4096) ?? '');
  if (stat === undefined) return undefined;
  const status = stat.kernelThread ? '' : (host.procText(pid, 'status', 16 * 1024) ?? '');
  const argv = stat.kernelThread ? [] : parseArgv(host.procBytes(pid, 'cmdline', ARGV_BYTES));
  const cgroups = parseCgroupFile(host.procText(pid, 'cgroup', 64 * 1024) ?? '');
  const cgroupId = cgroups.v2 === undefined ? undefined : cgroupIdOf(host, cgroups.v2);
  const dir = `${host.proc}/${pid}`;
  const link = stat.kernelThread ? undefined : readLink(`${dir}/exe`);
  const namespaces = namespacesOf(dir);
  // Everything above was read piece by piece; if another process has the pid by now, it was not one process.
  if (parseStat(host.procText(pid, 'stat', 4096) ?? '')?.startTime !== stat.startTime) return undefined;
  return {
    pid,
    startTime: stat.startTime,
    ppid: stat.ppid,
    comm: stat.comm,
    ...exeOf(link),
    argv,
    uid: Number(/^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1] ?? 0),
    threads: stat.threads,
    kernelThread: stat.kernelThread,
    zombie: stat.state === 'Z' || stat.state === 'X',
    innerPid: Number(/^NSpid:.*?(\d+)$/m.exec(status)?.[1] ?? pid),
    cgroups,
    cgroupId,
    namespaces,
  };
}

/** The start time of a process in ticks, the cheapest way to see whether it is still the same one. */
export function readStartTime(host: Host, pid: number): number | undefined {
  return parseStat(host.procText(pid, 'stat', 4096) ?? '')?.startTime;
}

/** Where /proc/PID/exe points; compared to see that a process has become another program. */
export function readExe(host: Host, pid: number): { exe?: string; exeDeleted: boolean } {
  return exeOf(readLink(`${host.proc}/${pid}/exe`));
}

function exeOf(link: string | undefined): { exe?: string; exeDeleted: boolean } {
  if (link === undefined) return { exeDeleted: false };
  const exeDeleted = link.endsWith(DELETED);
  return { exe: exeDeleted ? link.slice(0, -DELETED.length) : link, exeDeleted };
}

/** Splits what a kernel keeps as a command line: every argument ends in NUL, or one text that the program wrote there. */
export function parseArgv(bytes: Buffer | undefined): string[] {
  if (bytes === undefined) return [];
  let end = bytes.length;
  // A program that writes its title over its arguments pads the rest with NULs or blanks.
  while (end > 0 && (bytes[end - 1] === 0 || bytes[end - 1] === 32)) end--;
  return end === 0 ? [] : bytes.toString('utf8', 0, end).split('\0');
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // gone, or forbidden
  }
}

const shared = new Shared<Namespaces>();

/** @param dir its folder in /proc */
function namespacesOf(dir: string): Namespaces {
  const links = (['net', 'pid', 'mnt'] as const).map((name) => readLink(`${dir}/ns/${name}`));
  return shared.of(links.join(), () => {
    const [net, pid, mnt] = links.map((link) => Number(/\[(\d+)\]$/.exec(link ?? '')?.[1] ?? 0));
    return { ...(net ? { net } : {}), ...(pid ? { pid } : {}), ...(mnt ? { mnt } : {}) };
  });
}

function cgroupIdOf(host: Host, path: string): bigint | undefined {
  // Above our own cgroup namespace there is no path that leads there.
  if (host.cgroup2 === undefined || path.startsWith('/..')) return undefined;
  try {
    return statSync(host.cgroup2 + path, { bigint: true }).ino;
  } catch {
    return undefined; // removed, or outside what is mounted here
  }
}

import { closeSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { openInside, openMagic } from './inside.ts';
import { Mounts } from './mounts.ts';
import { readBytes, readStart, readText } from './read.ts';

/** Where a machine's own files are, when this is not simply the machine that we run on. */
export interface HostPaths {
  /** The procfs whose pids are meant. Default: /proc */
  proc?: string;
  /**
   * The machine's root folder, for what container engines write down. Default: that of its first process, which in a container
   * with the host's pid namespace is not ours; / where that may not be looked at
   */
  root?: string;
  /** Where cgroup v2 is mounted. Default: what /proc/self/mountinfo says, /sys/fs/cgroup before /sys/fs/cgroup/unified */
  cgroup2?: string;
  /** The machine's name. Default: the kernel's; where the root is not ours, which then calls us something else, what stands there in /etc/hostname */
  name?: string;
}

/** A machine to ask about: its /proc, its root, its cgroups. All reads of this package go through one of these. */
export class Host {
  readonly proc: string;
  readonly root: string;
  readonly name: string;
  readonly cgroup2: string | undefined;
  readonly #mounts: Mounts;

  constructor(paths: HostPaths = {}) {
    this.proc = paths.proc ?? '/proc';
    this.root = paths.root ?? machineRoot(this.proc);
    this.cgroup2 = paths.cgroup2 ?? findCgroup2(readText('/proc/self/mountinfo', 1024 * 1024) ?? '');
    this.#mounts = new Mounts(this.proc);
    this.name = paths.name ?? this.#writtenName() ?? hostname();
  }

  /** In a pod the kernel's name is the pod's. Lines that begin with `#` are comments: hostname(5). */
  #writtenName(): string | undefined {
    if (this.root === '/') return undefined;
    return /^[\w.-]+$/m.exec(this.rootText('/etc/hostname', 4096) ?? '')?.[0];
  }

  /** A file of /proc/PID as bytes, valid until the next read. */
  procBytes(pid: number, name: string, max?: number): Buffer | undefined {
    return readBytes(`${this.proc}/${pid}/${name}`, max);
  }

  /** A file of /proc/PID as text. */
  procText(pid: number, name: string, max?: number): string | undefined {
    return readText(`${this.proc}/${pid}/${name}`, max);
  }

  /** Opens the program that a process runs, deleted or not, in whatever mount namespace. To be closed. */
  openExe(pid: number): number | undefined {
    return openMagic(`${this.proc}/${pid}/exe`, (fd) => this.#mounts.isLocal(fd, pid));
  }

  /** Opens a file by the path that the process sees; never one outside its root folder. To be closed. */
  openSeenBy(pid: number, path: string): number | undefined {
    return openInside(`${this.proc}/${pid}/root`, path, (fd) => this.#mounts.isLocal(fd, pid));
  }

  /** The beginning of a file by the path that the process sees. */
  textSeenBy(pid: number, path: string, max = 64 * 1024): string | undefined {
    return startOf(this.openSeenBy(pid, path), max);
  }

  /** The beginning of a file of the machine, by its path there. */
  rootText(path: string, max = 64 * 1024): string | undefined {
    return startOf(
      openInside(this.root, path, (fd) => this.#mounts.isLocal(fd, undefined)),
      max,
    );
  }

  /** What is in a folder of the machine, by its path there; empty when there is none. */
  rootList(path: string): string[] {
    const fd = openInside(this.root, path, (f) => this.#mounts.isLocal(f, undefined), 'folder');
    if (fd === undefined) return [];
    try {
      return readdirSync(`/proc/self/fd/${fd}`);
    } catch {
      return []; // forbidden
    } finally {
      closeSync(fd);
    }
  }

  /** A link of /proc/PID as its text: cwd, root. */
  procLink(pid: number, name: string): string | undefined {
    try {
      return readlinkSync(`${this.proc}/${pid}/${name}`);
    } catch {
      return undefined; // gone, or forbidden
    }
  }
}

function startOf(fd: number | undefined, max: number): string | undefined {
  if (fd === undefined) return undefined;
  try {
    return readStart(fd, max)?.toString('utf8');
  } finally {
    closeSync(fd);
  }
}

/** The root folder of a machine's first process, as a path of ours. @param proc the procfs that has it */
function machineRoot(proc: string): string {
  const root = `${proc}/1/root`;
  try {
    const [first, own] = [statSync(`${root}/.`), statSync('/')];
    return first.dev === own.dev && first.ino === own.ino ? '/' : root;
  } catch {
    return '/'; // not root's eyes, or no process 1
  }
}

/** The mount point of cgroup v2 in a mountinfo; a whole hierarchy before a part of one. */
export function findCgroup2(mountinfo: string): string | undefined {
  const found = mountinfo
    .split('\n')
    .filter((line) => line.includes(' - cgroup2 '))
    .map((line) => line.split(' '))
    .map(([, , , root, point]) => ({ whole: root === '/', point: point! }));
  return (found.find((m) => m.whole) ?? found[0])?.point;
}

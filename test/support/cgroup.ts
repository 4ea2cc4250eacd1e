/**
 * A cgroup for a process of a benchmark or a test: its CPU time by the scheduler's own account, system time and BPF programs
 * that run within its calls among it, and a cap on it. With cgroup v1 controllers (cpuacct, cpu) where the machine has
 * them, else cgroup2.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Group extends Disposable {
  /** Shell commands that put the calling shell into it. */
  readonly enter: string;
  /** Puts a process into it that runs already. */
  add(pid: number): void;
  /** CPU seconds of all that ever ran in it. */
  cpuSeconds(): number;
  /** At most so many CPUs; undefined lifts the cap. */
  limit(cpus: number | undefined): void;
}

const PERIOD_US = 20_000;
/** `scripts/test.sh` and people look for what skep leaves by this word. */
const PREFIX = 'skep-flora';

/** @throws Error when no cgroup hierarchy can tell CPU time */
export function makeGroup(name: string): Group {
  const mounted = mounts();
  const folder = `${PREFIX}-${process.pid}-${name}`;
  return mounted.cpuacct
    ? versionOne(mounted.cpuacct, mounted.cpu, folder)
    : versionTwo(mounted.unified, folder);
}

function versionOne(cpuacct: string, cpu: string | undefined, folder: string): Group {
  const [account, quota] = [join(cpuacct, folder), cpu && join(cpu, folder)];
  const folders = [...new Set([account, quota].filter((dir) => dir !== undefined))];
  for (const dir of folders) mkdirSync(dir, { recursive: true });
  return {
    enter: folders.map((dir) => `echo $$ >${dir}/cgroup.procs; `).join(''),
    add: (pid) => addTo(folders, pid),
    cpuSeconds: () => Number(readFileSync(join(account, 'cpuacct.usage'), 'utf8')) / 1e9,
    limit(cpus) {
      if (!quota) throw new Error('no cgroup controller "cpu" is mounted, which caps a process');
      writeFileSync(join(quota, 'cpu.cfs_period_us'), String(PERIOD_US));
      writeFileSync(join(quota, 'cpu.cfs_quota_us'), String(cpus ? Math.round(cpus * PERIOD_US) : -1));
    },
    [Symbol.dispose]: () => remove(folders),
  };
}

function versionTwo(root: string | undefined, folder: string): Group {
  if (!root) throw new Error('no cgroups are mounted: mount -t cgroup2 cgroup2 /sys/fs/cgroup');
  const dir = join(root, folder);
  const control = join(root, 'cgroup.subtree_control');
  const available = readFileSync(join(root, 'cgroup.controllers'), 'utf8').split(/\s+/);
  if (available.includes('cpu')) writeFileSync(control, '+cpu');
  mkdirSync(dir, { recursive: true });
  return {
    enter: `echo $$ >${dir}/cgroup.procs; `,
    add: (pid) => addTo([dir], pid),
    cpuSeconds: () =>
      Number(/^usage_usec (\d+)$/m.exec(readFileSync(join(dir, 'cpu.stat'), 'utf8'))?.[1]) / 1e6,
    limit: (cpus) =>
      writeFileSync(join(dir, 'cpu.max'), `${cpus ? Math.round(cpus * PERIOD_US) : 'max'} ${PERIOD_US}`),
    [Symbol.dispose]: () => remove([dir]),
  };
}

function addTo(folders: readonly string[], pid: number): void {
  for (const dir of folders) writeFileSync(join(dir, 'cgroup.procs'), String(pid));
}

/** A process that was killed a moment ago holds its cgroup a little longer; on the way out nothing but waiting helps. */
function remove(folders: readonly string[]): void {
  const end = Date.now() + 2000;
  for (const dir of folders) {
    while (existsSync(dir)) {
      try {
        rmdirSync(dir);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || Date.now() > end) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      }
    }
  }
}

function mounts(): { cpuacct?: string; cpu?: string; unified?: string } {
  const found: { cpuacct?: string; cpu?: string; unified?: string } = {};
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, dir, type, options] = line.split(' ');
    if (type === 'cgroup2') found.unified ??= dir;
    if (type !== 'cgroup') continue;
    if (options?.split(',').includes('cpuacct')) found.cpuacct ??= dir;
    if (options?.split(',').includes('cpu')) found.cpu ??= dir;
  }
  return found;
}

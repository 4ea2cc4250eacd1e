/**
 * A memory cgroup of our own, for the demo and the tests: a process put into it and allowed too little memory is
 * killed by the kernel, and a probe narrowed to its id sees nothing else of the machine.
 *
 * Works with the unified hierarchy (Debian 12 as installed) and with the hybrid one (memory controller in cgroup v1,
 * cgroup2 mounted beside it): there two folders stand for one cgroup, the v1 one limits, the v2 one has the id that
 * `bpf_get_current_cgroup_id()` returns.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface MemoryCgroup extends Disposable {
  /** What `bpf_get_current_cgroup_id()` returns for a process in here: the inode of the cgroup2 folder. */
  readonly id: bigint;
  /** The cgroup2 folder. */
  readonly path: string;
  /** Shell commands that put the calling shell into the cgroup. */
  readonly enter: string;
  /** How many processes the kernel has killed in here for want of memory, by its own account. */
  oomKills(): number;
  /** Kills what is left inside and removes the folders. Safe to call twice. */
  remove(): void;
}

/** Where cgroup2 and, on a hybrid machine, the v1 memory controller are mounted, from /proc/self/mounts. */
function mounts(): { v2: string; v1?: string } {
  let v2: string | undefined;
  let v1: string | undefined;
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, dir, type, options] = line.split(' ');
    if (type === 'cgroup2') v2 ??= dir;
    if (type === 'cgroup' && options?.split(',').includes('memory')) v1 ??= dir;
  }
  if (!v2) throw new Error('no cgroup2 is mounted: mount -t cgroup2 cgroup2 /sys/fs/cgroup');
  return { v2, v1 };
}

/**
 * Makes a cgroup named `name` that may use `limitBytes` of memory and no swap.
 *
 * @throws Error when cgroup2 is not mounted or the caller may not make cgroups
 */
export function makeMemoryCgroup(name: string, limitBytes: number): MemoryCgroup {
  const { v2, v1 } = mounts();
  const path = join(v2, name);
  const folders = v1 ? [path, join(v1, name)] : [path];
  if (!v1) writeFileSync(join(v2, 'cgroup.subtree_control'), '+memory');
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  if (v1) {
    writeFileSync(join(v1, name, 'memory.limit_in_bytes'), String(limitBytes));
  } else {
    writeFileSync(join(path, 'memory.max'), String(limitBytes));
    const swap = join(path, 'memory.swap.max');
    if (existsSync(swap)) writeFileSync(swap, '0');
  }
  const remove = (): void => {
    for (const folder of folders) {
      if (!existsSync(folder)) continue;
      for (const pid of readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
        try {
          process.kill(Number(pid), 'SIGKILL');
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
        }
      }
      removeWhenEmpty(folder);
    }
  };
  return {
    id: statSync(path, { bigint: true }).ino,
    path,
    enter: folders.map((folder) => `echo $$ > ${folder}/cgroup.procs`).join(' && '),
    oomKills: () => {
      const account = v1 ? join(v1, name, 'memory.oom_control') : join(path, 'memory.events');
      return Number(/^oom_kill (\d+)$/m.exec(readFileSync(account, 'utf8'))?.[1]);
    },
    remove,
    [Symbol.dispose]: remove,
  };
}

/** A killed process leaves its cgroup a moment after its parent has seen it end; the kernel says EBUSY until then. */
function removeWhenEmpty(folder: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let attempt = 0; ; attempt++) {
    try {
      rmdirSync(folder);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || attempt === 100) throw error;
      Atomics.wait(pause, 0, 0, 10);
    }
  }
}

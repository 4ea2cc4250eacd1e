import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { FileBytes } from './bytes.ts';
import { type Mapping, mappingAt, parseMaps } from './maps.ts';
import { openRegular } from './module.ts';
import { PerfMap } from './perf-map.ts';

/** Between two looks at what a process has mapped, or at its perf map, for an address that is not known. */
const LOOK_MS = 500;
const MAX_VDSO = 64 * 1024;

/** A process as it was when somebody looked at it. */
export type SeenProcess = Pick<ProcessView, 'pid' | 'identity'>;

/**
 * What a process has mapped, as it was when somebody last looked: kept after the process has ended.
 */
export class ProcessView {
  readonly pid: number;
  /** When the process began and what program it runs: tells a pid that is used again, and an exec. */
  readonly identity: string;
  #mappings: readonly Mapping[];
  #looked = performance.now();
  #perf: { map: PerfMap; file: FileBytes; looked: number } | undefined;
  #perfSought = Number.NEGATIVE_INFINITY;

  private constructor(pid: number, identity: string, mappings: readonly Mapping[]) {
    this.pid = pid;
    this.identity = identity;
    this.#mappings = mappings;
  }

  /** Looks at a process; undefined when it has ended or may not be looked at. */
  static look(pid: number, identity: string): ProcessView | undefined {
    const mappings = readMaps(pid);
    return mappings && new ProcessView(pid, identity, mappings);
  }

  /** Executable mappings, in order. */
  get mappings(): readonly Mapping[] {
    return this.#mappings;
  }

  /** The mapping that holds an address; looks again when there is none, for a library that was loaded since. */
  mappingAt(address: number): Mapping | undefined {
    const found = mappingAt(this.#mappings, address);
    const now = performance.now();
    if (found || now - this.#looked < LOOK_MS) return found;
    this.#looked = now;
    if (!this.#isThere) return undefined;
    this.#mappings = readMaps(this.pid) ?? this.#mappings;
    return mappingAt(this.#mappings, address);
  }

  /** Opens the file behind a mapping: the very file, also when its name is gone or in another mount namespace. */
  open(mapping: Mapping): number | undefined {
    const known = this.#isThere;
    const range = `${mapping.start.toString(16)}-${mapping.end.toString(16)}`;
    // Needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN.
    const exact = known ? openRegular(`/proc/${this.pid}/map_files/${range}`) : undefined;
    if (exact !== undefined) return exact;
    // By name the same file is found only while it is there; after the process has ended, from our own root at best.
    for (const root of known ? [`/proc/${this.pid}/root`, ''] : ['']) {
      const fd = openRegular(root + mapping.path);
      if (fd === undefined) continue;
      if (fstatSync(fd).ino === mapping.inode) return fd;
      closeSync(fd);
    }
    return undefined;
  }

  /** Another process may have its id by now, or the process run another program. */
  get #isThere(): boolean {
    return identityOf(this.pid) === this.identity;
  }

  /** The code that the kernel maps into every process: nobody's file, so its memory is read. */
  memory(mapping: Mapping): Buffer | undefined {
    let fd: number | undefined;
    try {
      fd = openSync(`/proc/${this.pid}/mem`, 'r');
      const bytes = Buffer.alloc(Math.min(mapping.end - mapping.start, MAX_VDSO));
      return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, mapping.start));
    } catch {
      // Ended, or not ours to read.
      return undefined;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  /** What the process's runtime compiled, as far as it wrote it down; read on at most twice a second. */
  perfMap(): PerfMap | undefined {
    const now = performance.now();
    if (!this.#perf) {
      if (now - this.#perfSought < LOOK_MS) return undefined;
      this.#perfSought = now;
      const fd = this.#isThere ? openPerfMap(this.pid) : undefined;
      if (fd === undefined) return undefined;
      const file = new FileBytes(fd);
      this.#perf = { map: new PerfMap(file), file, looked: Number.NEGATIVE_INFINITY };
    }
    const perf = this.#perf;
    if (now - perf.looked >= LOOK_MS) {
      perf.looked = now;
      perf.map.update();
    }
    return perf.map;
  }

  close(): void {
    this.#perf?.file.close();
    this.#perf = undefined;
  }
}

/** When a process began, and its program; undefined when there is none of this id. */
export function identityOf(pid: number): string | undefined {
  try {
    // After the name in parentheses, which may hold any character; starttime is field 22. Source: proc_pid_stat(5)
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const { dev, ino } = statSync(`/proc/${pid}/exe`);
    return `${started} ${dev} ${ino}`;
  } catch {
    // Ended, a kernel thread, or not ours to look at.
    return undefined;
  }
}

function readMaps(pid: number): readonly Mapping[] | undefined {
  try {
    const mappings = parseMaps(readFileSync(`/proc/${pid}/maps`, 'utf8'));
    // Of a process that is just ending there is nothing.
    return mappings.length > 0 ? mappings : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Opens /tmp/perf-PID.map in the process's own mount namespace, by the id it has in its own pid namespace. Only a file
 * of the process's user, or root's, is believed: anybody may write to /tmp.
 */
function openPerfMap(pid: number): number | undefined {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return undefined;
  }
  const group = /^NStgid:.*?(\d+)$/m.exec(status)?.[1] ?? String(pid);
  const uid = Number(/^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1]);
  const fd = openRegular(`/proc/${pid}/root/tmp/perf-${group}.map`);
  if (fd === undefined) return undefined;
  const owner = fstatSync(fd).uid;
  if (owner === uid || owner === 0) return fd;
  closeSync(fd);
  return undefined;
}

import { readText } from './read.ts';

/** File systems whose answers come from another process or machine, which may never come. */
const FOREIGN = /^(fuse|fuseblk|fuse\..*|nfs4?|cifs|smb3|smbfs|9p|afs|ceph|coda|autofs|ncpfs|lustre|davfs)$/;
const CAP = 8192;
const FRESH_MS = 30_000;

/**
 * Whether a mount may be read without waiting for somebody else. A container can serve a file through FUSE and never
 * answer; a synchronous read of it would stop the agent for good. Mount ids are the kernel's, the same in every mount
 * namespace, so one table does for all of them; ids are used again after an unmount, so it is forgotten now and then.
 */
export class Mounts {
  readonly #proc: string;
  readonly #foreign = new Map<number, boolean>();
  #since = 0;

  constructor(proc: string) {
    this.#proc = proc;
  }

  /**
   * @param fd an open file, by O_PATH even: nothing has been asked of its file system then
   * @param pid in whose mount namespace it was found
   */
  isLocal(fd: number, pid: number | undefined): boolean {
    const info = readText(`/proc/self/fdinfo/${fd}`, 4096);
    const id = Number(/^mnt_id:\s*(\d+)/m.exec(info ?? '')?.[1] ?? Number.NaN);
    if (Number.isNaN(id)) return true; // no /proc of our own: nothing to judge by
    if (performance.now() - this.#since > FRESH_MS || this.#foreign.size > CAP) {
      this.#foreign.clear();
      this.#since = performance.now();
    }
    for (const who of [pid, 'self', 1]) {
      const known = this.#foreign.get(id);
      if (known !== undefined) return !known;
      if (who !== undefined) this.#learn(who === 'self' ? '/proc/self' : `${this.#proc}/${who}`);
    }
    // A mount that nobody lists (detached, or a memfd): it may be anything.
    return this.#foreign.get(id) === false;
  }

  #learn(dir: string): void {
    for (const line of (readText(`${dir}/mountinfo`, 512 * 1024) ?? '').split('\n')) {
      const type = line.slice(line.indexOf(' - ') + 3).split(' ', 1)[0]!;
      const id = Number.parseInt(line, 10);
      if (id >= 0) this.#foreign.set(id, FOREIGN.test(type));
    }
  }
}

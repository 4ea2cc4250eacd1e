import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

let made = 0;

/** A cgroup (v2) for what a test starts, gone when all of that has ended. */
export class TestGroup implements Disposable {
  readonly dir: string;

  constructor() {
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
    const root = mounts.find((line) => line.split(' ')[2] === 'cgroup2')?.split(' ')[1];
    if (root === undefined) throw new Error('no cgroup2 is mounted: mount -t cgroup2 cgroup2 /sys/fs/cgroup');
    this.dir = join(root, `skep-agent-${process.pid}-${made++}`);
    mkdirSync(this.dir);
  }

  [Symbol.dispose](): void {
    rmdirSync(this.dir);
  }
}

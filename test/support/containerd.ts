import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ContainerOptions {
  readonly id: string;
  /** Its cgroup, from the root of each hierarchy. */
  readonly cgroup: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly memoryBytes?: number;
  /** Behind `/bin/busybox`. */
  readonly command: readonly string[];
}

/** A root file system with busybox alone, in a new folder. */
export function tinyRoot(dir: string): string {
  for (const name of ['bin', 'proc', 'dev', 'sys', 'tmp', 'etc'])
    mkdirSync(join(dir, name), { recursive: true });
  copyFileSync(['/bin/busybox', '/usr/bin/busybox'].find((p) => existsSync(p))!, join(dir, 'bin/busybox'));
  chmodSync(join(dir, 'bin/busybox'), 0o755);
  return dir;
}

/**
 * A containerd of a test's own, with all that it writes in one folder, in which its files are where those of a machine's are:
 * `run/containerd`. Containers have busybox alone and are in the namespace `k8s.io`, as a kubelet's. Needs root.
 */
export class Containerd implements AsyncDisposable {
  readonly #dir: string;
  readonly #daemon: ReturnType<typeof spawn>;
  readonly #ended: Promise<unknown>;
  readonly #running = new Set<string>();
  #roots = 0;

  private constructor(dir: string) {
    this.#dir = dir;
    const off = ['cri', 'btrfs', 'zfs', 'devmapper', 'aufs'].map(
      (p) => `"io.containerd.${p === 'cri' ? 'grpc' : 'snapshotter'}.v1.${p}"`,
    );
    writeFileSync(
      join(dir, 'config.toml'),
      `version = 2\nroot = "${dir}/var/lib/containerd"\nstate = "${dir}/run/containerd"\ndisabled_plugins = [${off}]\n` +
        `[grpc]\naddress = "${this.#socket}"\n[ttrpc]\naddress = "${dir}/ttrpc.sock"\n`,
    );
    this.#daemon = spawn('containerd', ['-c', join(dir, 'config.toml')], { stdio: 'ignore' });
    this.#ended = once(this.#daemon, 'exit');
  }

  /** @param dir a folder that is there, with a short path: a socket's has at most 107 bytes */
  static async start(dir: string): Promise<Containerd> {
    const appeared = Promise.withResolvers<void>();
    const socket = join(dir, 'containerd.sock');
    const watcher = watch(dir, () => existsSync(socket) && appeared.resolve());
    const containerd = new Containerd(dir);
    const failed = containerd.#ended.then(() => {
      throw new Error('containerd ended');
    });
    try {
      await Promise.race([appeared.promise, failed]);
    } finally {
      watcher.close();
      failed.catch(() => undefined);
    }
    return containerd;
  }

  get #socket(): string {
    return join(this.#dir, 'containerd.sock');
  }

  #ctr(...args: string[]): string {
    return execFileSync('ctr', ['-a', this.#socket, '-n', 'k8s.io', ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  }

  /** Starts a container; returns the number of its first process, as the machine sees it. */
  run({ id, cgroup, annotations = {}, memoryBytes, command }: ContainerOptions): number {
    const notes = Object.entries(annotations).flatMap(([k, v]) => ['--annotation', `${k}=${v}`]);
    const limit = memoryBytes === undefined ? [] : ['--memory-limit', String(memoryBytes)];
    const how = ['-d', '--rootfs', '--null-io', '--runc-root', join(this.#dir, 'runc'), '--cgroup', cgroup];
    const root = tinyRoot(join(this.#dir, `root-${++this.#roots}`));
    this.#running.add(id);
    this.#ctr('run', ...how, ...limit, ...notes, root, id, '/bin/busybox', ...command);
    const row = this.#ctr('task', 'ls')
      .split('\n')
      .find((l) => l.startsWith(id));
    return Number(row?.split(/\s+/)[1]);
  }

  /** Takes a container away, with its cgroup and what containerd wrote of it. */
  remove(id: string): void {
    this.#ctr('task', 'rm', '-f', id);
    this.#ctr('container', 'rm', id);
    this.#running.delete(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#running) this.remove(id);
    this.#daemon.kill();
    await this.#ended;
  }
}

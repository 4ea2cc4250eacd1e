/** Container engines with all they keep in one folder, and a cgroup of their own; both go away again. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** An engine that answers. */
export interface Engine extends AsyncDisposable {
  /** Its folder, for files that go with it. */
  readonly dir: string;
  /** The cgroup for what it runs. */
  readonly cgroup: string;
  /** Runs its client; @throws with what it said when that fails */
  call(...args: string[]): Promise<string>;
  /** The command line of its client, to start something with. */
  command(...args: string[]): [file: string, args: string[]];
}

/** podman without a daemon, with runc. */
export async function podman(): Promise<Engine> {
  const dir = mkdtempSync(join(tmpdir(), 'skep-podman-'));
  const cgroup = `/skep-podman-${process.pid}`;
  const places = [
    '--root',
    join(dir, 'storage'),
    '--runroot',
    join(dir, 'run'),
    '--tmpdir',
    join(dir, 'tmp'),
  ];
  const how = ['--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--storage-driver', 'overlay'];
  const command = (...args: string[]): [string, string[]] => [
    'podman',
    [...places, ...how, '--events-backend', 'none', ...args],
  ];
  const call = async (...args: string[]) => (await run(...command(...args))).stdout.trim();
  return {
    dir,
    cgroup,
    command,
    call,
    async [Symbol.asyncDispose]() {
      await call('rm', '-af', '-t', '0');
      await removeCgroup(cgroup);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A containerd of its own; the client is ctr. */
export async function containerd(): Promise<Engine> {
  const dir = mkdtempSync(join(tmpdir(), 'skep-containerd-'));
  const cgroup = `/skep-containerd-${process.pid}`;
  const socket = join(dir, 'containerd.sock');
  const off = [
    'snapshotter.v1.btrfs',
    'snapshotter.v1.zfs',
    'snapshotter.v1.devmapper',
    'snapshotter.v1.aufs',
  ];
  off.push('grpc.v1.cri');
  const lines = [
    'version = 2',
    `root = "${dir}/lib"`,
    `state = "${dir}/run"`,
    `disabled_plugins = [${off.map((p) => `"io.containerd.${p}"`)}]`,
    '[grpc]',
    `address = "${socket}"`,
    '[ttrpc]',
    `address = "${dir}/ttrpc.sock"`,
  ];
  writeFileSync(join(dir, 'config.toml'), `${lines.join('\n')}\n`);
  const appeared = new Promise<boolean>((resolve) => {
    const watcher = watch(dir, () => {
      if (!existsSync(socket)) return;
      watcher.close();
      resolve(true);
    });
  });
  const daemon = spawn('containerd', ['-c', join(dir, 'config.toml')], { stdio: 'ignore' });
  const ended = once(daemon, 'exit');
  if (!(await Promise.race([appeared, ended.then(() => false)]))) throw new Error('containerd ended');
  const command = (...args: string[]): [string, string[]] => ['ctr', ['-a', socket, ...args]];
  return {
    dir,
    cgroup,
    command,
    call: async (...args) => (await run(...command(...args))).stdout.trim(),
    async [Symbol.asyncDispose]() {
      daemon.kill();
      await ended;
      await removeCgroup(cgroup);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** In every hierarchy. An engine's helpers end a moment after it has answered, on a busy machine a long one: tried for a minute. */
async function removeCgroup(name: string): Promise<void> {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  for (const line of mounts.filter((l) => / - cgroup2? /.test(l)))
    await removeTree(join(line.split(' ')[4]!, name));
}

async function removeTree(dir: string): Promise<void> {
  if (!existsSync(dir)) return;
  for (const e of readdirSync(dir, { withFileTypes: true }))
    if (e.isDirectory()) await removeTree(join(dir, e.name));
  for (let tries = 0; ; tries++) {
    try {
      return rmdirSync(dir);
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code === 'ENOENT') return;
      if ((e as NodeJS.ErrnoException).code !== 'EBUSY' || tries === 1200) throw e;
      await setTimeout(50);
    }
  }
}

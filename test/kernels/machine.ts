import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bookworm, cacheHome, unpackPackages, updateLists } from '../../scripts/lib/apt.ts';
import { run } from '../../scripts/lib/process.ts';
import { renameOnce } from '../../scripts/lib/rename-once.ts';

/** Processors that guests have, as Node calls them. */
export type Architecture = 'x64' | 'arm64';

/** What differs between machines of one architecture and the other. */
export interface Machine {
  /** Debian's folder name for what depends on the architecture. */
  multiarch: string;
  strip: string;
  /** The emulator with all that makes the machine; its first serial line is named in `append`. */
  emulator: readonly string[];
  append: string;
  /** The device of the guest's second serial line, which its command writes to. */
  terminal: string;
  /** The devices of both serial lines: a file for the kernel, our pipe for the command. */
  serial(log: string): string[];
}

/**
 * Both processors of a guest by one thread, in turns. With a thread each, QEMU 7.2 may run on one processor what the
 * other has just patched: a kernel that switches a static key then dies of a stray int3 (every few seconds under
 * `kernel.sched_schedstats`, with QEMU 10 every few minutes). It costs no time: a guest's tests use one processor.
 */
const tcg = ['-accel', 'tcg,thread=single', '-m', '2048', '-smp', '2'];

/**
 * What costs an emulated machine most and tests nothing of ours: to clear all memory that the kernel takes, which Debian's
 * does for security's sake, and to wait for a grace period when nobody hurries it, at each program that goes.
 */
const lighter = 'init_on_alloc=0 rcupdate.rcu_expedited=1';

export const machines: Readonly<Record<Architecture, Machine>> = {
  x64: {
    multiarch: 'x86_64-linux-gnu',
    strip: 'strip',
    // Without fast strings: the emulator copies byte by byte what `rep movsb` copies, and eight by eight by other ways.
    emulator: ['qemu-system-x86_64', ...tcg, '-cpu', 'max,-erms,-fsrm'],
    // A busy machine gives the emulator too little time for the ten ticks in a row by which the kernel judges the timer.
    append: `console=ttyS0 mitigations=off clocksource=tsc tsc=reliable no_timer_check ${lighter}`,
    terminal: '/dev/ttyS1',
    serial: (log) => ['-serial', `file:${log}`, '-serial', 'stdio'],
  },
  arm64: {
    multiarch: 'aarch64-linux-gnu',
    strip: 'aarch64-linux-gnu-strip',
    // Pointer authentication as the architecture describes it costs an emulator half of its time.
    emulator: ['qemu-system-aarch64', ...tcg, '-M', 'virt', '-cpu', 'max,pauth-impdef=on'],
    append: `console=ttyAMA0 mitigations=off ${lighter}`,
    terminal: '/dev/ttyS0',
    // The board has one serial line; the other is a card.
    serial: (log) => [
      '-serial',
      `file:${log}`,
      '-chardev',
      'stdio,id=command',
      '-device',
      'pci-serial,chardev=command',
    ],
  },
};

/** What a guest has beside Node, of Debian's packages; libraries are found by name. */
const packages = ['busybox-static', 'bash', 'bpftool', 'perl-base'];
const libraries = [
  'libc6',
  'libstdc++6',
  'libgcc-s1',
  'libelf1',
  'zlib1g',
  'libcap2',
  'libcrypt1',
  'libtinfo6',
];

/**
 * A folder laid out like a machine of another architecture: programs and libraries of Debian 12, downloaded once,
 * checked as apt.ts says, and Node from npm.
 */
export async function foreignRoot(architecture: Architecture): Promise<string> {
  const wanted = [...packages, ...libraries];
  const key = createHash('sha256')
    .update([...wanted, process.version].join())
    .digest('hex')
    .slice(0, 16);
  const dir = join(cacheHome, 'machines', `${architecture}-${key}`);
  const found = await readdir(dir).catch(() => undefined);
  if (found) return dir;
  await mkdir(join(cacheHome, 'machines'), { recursive: true });
  const work = await mkdtemp(`${dir}.`);
  try {
    const source = bookworm(architecture === 'x64' ? 'amd64' : architecture);
    const failure = await updateLists(source);
    await unpackPackages(source, wanted, join(work, 'root')).catch((e: Error) => {
      throw failure ?? e;
    });
    await nodeFromNpm(architecture, work);
    await run('cp', ['-T', join(work, 'package/bin/node'), join(work, 'root/usr/bin/node')]);
    await renameOnce(join(work, 'root'), dir);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return dir;
}

/** The same version as ours, compared with the hash in the lock file of tools/node. */
async function nodeFromNpm(architecture: Architecture, work: string): Promise<void> {
  const name = `node-linux-${architecture}`;
  const lockFile = join(import.meta.dirname, '../../tools/node/package-lock.json');
  const { version, integrity } = JSON.parse(await readFile(lockFile, 'utf8')).packages[
    `node_modules/${name}`
  ];
  await run('npm', ['pack', '--silent', `${name}@${version}`], { cwd: work });
  const tarball = join(work, `${name}-${version}.tgz`);
  const hash = createHash('sha512')
    .update(await readFile(tarball))
    .digest('base64');
  if (integrity !== `sha512-${hash}`)
    throw new Error(`npm's ${name} ${version} is not the one of ${lockFile}`);
  await run('tar', ['-xzf', tarball, '-C', work]);
}

import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from './process.ts';
import { kernelLine } from './table.ts';

/** A kernel unpacked in the cache. */
export interface KernelFiles {
  /** `uname -r` of the guest. */
  release: string;
  vmlinuz: string;
  /** The folder that holds this release's modules. */
  modules: string;
}

/** Where kernels, guests' root files and logs are kept between runs, outside of any checkout. */
export const cacheDir = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'skep', 'kernels');

/**
 * The newest kernel of a line that apt knows: downloaded and checked against Debian's signed lists by apt,
 * unpacked beside us, never installed. A version once unpacked is used again; without any list of apt's, the
 * newest one unpacked is.
 */
export async function fetchKernel(name: string): Promise<KernelFiles> {
  await mkdir(cacheDir, { recursive: true });
  const line = kernelLine(name);
  const known = (await run('apt-cache', ['pkgnames', 'linux-image-'])).split('\n');
  const unpacked = await readdir(cacheDir);
  const newest = (names: string[]) =>
    names
      .filter((n) => line.package.test(n))
      .sort(byVersion)
      .at(-1);
  const wanted = newest(known) ?? newest(unpacked);
  if (!wanted) throw new Error(`apt knows no ${line.package.source}; run: apt-get update`);
  if (!unpacked.includes(wanted)) await download(wanted);
  return files(join(cacheDir, wanted));
}

async function download(name: string): Promise<void> {
  const work = await mkdtemp(join(cacheDir, 'download-'));
  try {
    // As root apt would step down to its own user, which may not write here.
    await run('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', name], { cwd: work });
    const deb = (await readdir(work)).find((f) => f.endsWith('.deb'));
    if (!deb) throw new Error(`apt-get download ${name} left no package`);
    await run('dpkg', ['-x', join(work, deb), join(work, 'root')]);
    await rename(join(work, 'root'), join(cacheDir, name)).catch((e: NodeJS.ErrnoException) => {
      // Another run was faster; its copy is as good as ours.
      if (e.code !== 'ENOTEMPTY' && e.code !== 'EEXIST') throw e;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function files(dir: string): Promise<KernelFiles> {
  const image = (await readdir(join(dir, 'boot'))).find((f) => f.startsWith('vmlinuz-'));
  if (!image) throw new Error(`${dir} holds no kernel; remove that folder and run again`);
  const release = image.slice('vmlinuz-'.length);
  return { release, vmlinuz: join(dir, 'boot', image), modules: join(dir, 'lib/modules', release) };
}

function byVersion(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

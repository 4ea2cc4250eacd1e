import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { packageNames, unpackPackages } from '../../scripts/lib/apt.ts';
import { renameOnce } from '../../scripts/lib/rename-once.ts';
import { cacheDir } from './cache.ts';
import type { Architecture } from './machine.ts';
import { type KernelLine, kernelLine } from './table.ts';

/** A kernel unpacked in the cache. */
export interface KernelFiles {
  /** `uname -r` of the guest. */
  release: string;
  architecture: Architecture;
  vmlinuz: string;
  /** The folder that holds this release's modules. */
  modules: string;
}

/**
 * The kernel of a line: the newest one unpacked in the cache, or else the newest in Debian's lists, which is then
 * downloaded, checked (apt.ts says by what) and unpacked there, never installed. A kernel once unpacked needs no
 * network and no list any more; who wants a newer one removes its folder.
 */
export async function fetchKernel(name: string): Promise<KernelFiles> {
  await mkdir(cacheDir, { recursive: true });
  const line = kernelLine(name);
  const unpacked = newest(await readdir(cacheDir), line);
  return files(join(cacheDir, unpacked ?? (await download(line))), line.architecture);
}

async function download(line: KernelLine): Promise<string> {
  const name = newest(await packageNames(line.source, 'linux-'), line);
  if (!name) {
    const { source, package: pattern } = line;
    throw new Error(`Debian's ${source.name} has no ${pattern.source} any more; see test/kernels/table.ts`);
  }
  const work = await mkdtemp(join(cacheDir, 'download-'));
  try {
    const version = line.package.exec(name)?.[1] ?? '';
    const names = [name, ...(line.beside ?? []).map((prefix) => `${prefix}${version}`)];
    await unpackPackages(line.source, names, join(work, 'root'));
    await renameOnce(join(work, 'root'), join(cacheDir, name));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return name;
}

/** Since Debian 14 the kernel lies with its modules, and those under /usr. */
async function files(dir: string, architecture: Architecture): Promise<KernelFiles> {
  const boot = (await names(join(dir, 'boot'))).find((f) => f.startsWith('vmlinuz-'));
  const home = join(dir, boot ? 'lib/modules' : 'usr/lib/modules');
  const release = boot?.slice('vmlinuz-'.length) ?? (await names(home))[0];
  if (!release) throw new Error(`${dir} holds no kernel; remove that folder and run again`);
  const modules = join(home, release);
  const vmlinuz = boot ? join(dir, 'boot', boot) : join(modules, 'vmlinuz');
  return { release, architecture, vmlinuz, modules };
}

async function names(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw e;
  }
}

function newest(packages: string[], line: KernelLine): string | undefined {
  return packages
    .filter((n) => line.package.test(n))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .at(-1);
}

import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, realpath, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { bookworm, unpackPackages, updateLists } from '../../scripts/lib/apt.ts';
import { run } from '../../scripts/lib/process.ts';
import { renameOnce } from '../../scripts/lib/rename-once.ts';
import { cacheDir } from './cache.ts';
import { cpio, type Entry } from './cpio.ts';
import type { KernelFiles } from './fetch.ts';
import { type Architecture, foreignRoot, machines } from './machine.ts';
import { moduleEntries } from './modules.ts';
import { modules } from './table.ts';

/** What these files say decides what a layer holds, so a change in them makes layers anew. */
const makers = ['layers.ts', 'machine.ts', 'modules.ts', 'cpio.ts'].map((f) =>
  readFileSync(join(import.meta.dirname, f)),
);

/** What tests call besides busybox and Node. */
const tools = ['bash', 'bpftool', 'perl'];

/** Node, its libraries, busybox, some tools and the kernel's modules: what every guest has. */
export async function baseLayer(kernel: KernelFiles): Promise<string> {
  const native = kernel.architecture === process.arch;
  const key = [kernel.architecture, kernel.release, process.version, modules.join()];
  if (native)
    key.push(
      createHash('sha256')
        .update(await readFile(await busyboxHere()))
        .digest('hex'),
    );
  return layer('base', key, async (work) => {
    return [
      { path: 'dev/console', kind: 'char', major: 5, minor: 1 },
      ...(await (native ? ownUserland(work) : foreignUserland(kernel.architecture, work))),
      ...(await moduleEntries(kernel, modules)),
    ];
  });
}

/** This machine's own programs. */
async function ownUserland(work: string): Promise<Entry[]> {
  const box = await busyboxHere();
  return [
    ...(await busybox(box)),
    await strippedNode(process.execPath, 'strip', work),
    ...(await libraries(process.execPath)),
    ...(await programs()),
    ...(await headers(machines[process.arch as Architecture].multiarch)),
  ];
}

/** What skep looks for before it calls clang, whose work the host has done (bin/clang). */
async function headers(multiarch: string): Promise<Entry[]> {
  return [...(await folder('/usr/include/bpf')), { path: `usr/include/${multiarch}`, kind: 'dir' }];
}

/** Another machine's: whatever lies in its root, at the places where it belongs. */
async function foreignUserland(architecture: Architecture, work: string): Promise<Entry[]> {
  const { multiarch, strip } = machines[architecture];
  const root = await foreignRoot(architecture);
  const entries = [
    ...(await busybox(join(root, 'bin/busybox'))),
    await strippedNode(join(root, 'usr/bin/node'), strip, work),
  ];
  for (const dir of ['lib', `lib/${multiarch}`, `usr/lib/${multiarch}`, `usr/lib/${multiarch}/perl-base`]) {
    const deep = dir.endsWith('perl-base');
    for (const name of await readdir(join(root, dir), { recursive: deep })) {
      const file = join(root, dir, name);
      // A loader that is a link with a leading slash leads out of the root; it is the same file in lib/MULTIARCH.
      const target = await realpath(file).catch(() => join(root, `lib/${multiarch}`, name));
      if ((await stat(target)).isFile())
        entries.push({ path: join(dir, name), kind: 'file', data: await readFile(target), executable: true });
    }
  }
  entries.push(...(await headers(multiarch)));
  for (const path of ['bin/bash', 'usr/bin/perl', 'usr/sbin/bpftool']) {
    const to = `usr/bin/${path.split('/').at(-1)}`;
    entries.push({ path: to, kind: 'file', data: await readFile(join(root, path)), executable: true });
  }
  return entries;
}

async function strippedNode(from: string, strip: string, work: string): Promise<Entry> {
  const node = join(work, 'node');
  await run(strip, ['-o', node, from]);
  return { path: 'bin/node', kind: 'file', data: await readFile(node), executable: true };
}

/**
 * The machine's clang with the headers a probe includes. In a guest it takes a second for a small file and five
 * for one with vmlinux.h, so tests are better off with `fixture` (test/support/fixtures.ts).
 */
export async function clangLayer(): Promise<string> {
  const clang = await realpath((await run('sh', ['-c', 'command -v clang'])).trim());
  const version = await run(clang, ['--version']);
  return layer('clang', [version], async () => {
    const home = dirname(dirname(clang));
    const places = [
      join(home, 'lib/clang'),
      '/usr/include/bpf',
      '/usr/include/linux',
      '/usr/include/asm-generic',
    ];
    const { multiarch } = machines[process.arch as Architecture];
    const headers = [...places, `/usr/include/${multiarch}/asm`];
    const entries: Entry[] = [
      ...(await libraries(clang)),
      { path: clang.slice(1), kind: 'file', data: await readFile(clang), executable: true },
      { path: 'usr/bin/clang', kind: 'link', target: clang },
    ];
    for (const dir of headers) entries.push(...(await folder(dir)));
    return entries;
  });
}

/**
 * An archive kept between runs, made again when `key` changes. Not compressed: to unpack costs an emulated
 * processor more than to read.
 */
async function layer(name: string, key: string[], make: (work: string) => Promise<Entry[]>): Promise<string> {
  const hash = createHash('sha256').update(key.join('\n'));
  for (const m of makers) hash.update(m);
  const image = join(cacheDir, `${name}-${hash.digest('hex').slice(0, 16)}.cpio`);
  if (await used(image)) return image;
  await prune();
  const work = await mkdtemp(join(cacheDir, `${name}-`));
  try {
    const part = join(work, 'part.cpio');
    await pipeline(Readable.from(cpio(await make(work))), createWriteStream(part));
    await rename(part, image);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return image;
}

/**
 * This machine's, if it is Debian's static one. Debian's other one takes its place where somebody installs that, needs the C
 * library and lacks applets such as tc: then the static one out of its package, kept beside the kernels.
 */
async function busyboxHere(): Promise<string> {
  const here = (await run('sh', ['-c', 'command -v busybox || :'])).trim();
  const needs = await run('sh', ['-c', 'ldd "$1" 2>&1 || :', 'sh', here]);
  if (here !== '' && !needs.includes('.so')) return here;
  const root = join(cacheDir, 'busybox-static');
  if (!existsSync(root)) {
    const work = await mkdtemp(join(cacheDir, 'busybox-'));
    const source = bookworm(process.arch === 'arm64' ? 'arm64' : 'amd64');
    await updateLists(source);
    await unpackPackages(source, ['busybox-static'], join(work, 'root'));
    await renameOnce(join(work, 'root'), root);
    await rm(work, { recursive: true, force: true });
  }
  return join(root, 'bin/busybox');
}

/** Its applets are those of the one on this machine, which is the same version for another processor. */
async function busybox(path: string): Promise<Entry[]> {
  const applets = (await run(await busyboxHere(), ['--list'])).trim().split('\n');
  return [
    { path: 'bin/busybox', kind: 'file', data: await readFile(path), executable: true },
    ...applets
      .filter((a) => a !== 'busybox')
      .map((a): Entry => ({ path: `bin/${a}`, kind: 'link', target: 'busybox' })),
  ];
}

async function programs(): Promise<Entry[]> {
  const { multiarch } = machines[process.arch as Architecture];
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  const entries = await folder(`/usr/lib/${multiarch}/perl-base`);
  for (const name of tools) {
    const found = (await run('sh', ['-c', `command -v ${name}`], { env: { PATH: path } })).trim();
    const data = await readFile(found);
    entries.push(
      { path: `usr/bin/${name}`, kind: 'file', data, executable: true },
      ...(await libraries(found)),
    );
  }
  return entries;
}

/** The shared libraries a program loads, at the places where the program and its loader look for them. */
async function libraries(program: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const line of (await run('ldd', [program])).split('\n')) {
    const path = /(?:=> |^\s*)(\/\S+) \(0x/.exec(line)?.[1];
    if (!path) continue;
    entries.push({ path: path.slice(1), kind: 'file', data: await readFile(path), executable: true });
  }
  return entries;
}

async function folder(dir: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const name of await readdir(dir, { recursive: true })) {
    const path = join(dir, name);
    if ((await stat(path)).isFile())
      entries.push({ path: path.slice(1), kind: 'file', data: await readFile(path) });
  }
  return entries;
}

/** Marks an image as used today; false when it is not there. */
async function used(image: string): Promise<boolean> {
  const now = new Date();
  return utimes(image, now, now).then(
    () => true,
    () => false,
  );
}

/** Images of other kernels, compilers and checkouts go when nobody has used them for two weeks. */
async function prune(): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    const path = join(cacheDir, name);
    const days = (Date.now() - (await stat(path)).mtimeMs) / 86_400_000;
    if (name.endsWith('.cpio') && days > 14) await rm(path, { force: true });
  }
}

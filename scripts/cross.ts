// node scripts/cross.ts [ARCH]: builds the addon for the architecture that this machine does not have, into
// packages/bpf/build/linux-ARCH, when something it is made of has changed; and brings the C library that a container for
// that architecture needs (scripts/system-libraries.sh).
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bookworm, cacheHome, unpackPackages, updateLists } from './lib/apt.ts';
import { run } from './lib/process.ts';
import { renameOnce } from './lib/rename-once.ts';

/** The architectures that a package carries an addon for, with what Debian calls them. */
export const architectures = {
  x64: { debian: 'amd64', multiarch: 'x86_64-linux-gnu' },
  arm64: { debian: 'arm64', multiarch: 'aarch64-linux-gnu' },
} as const;
export type Architecture = keyof typeof architectures;

const root = join(import.meta.dirname, '..');
/** Debian's packages of the libraries that are carried. */
const carried = ['libbpf1', 'libelf1', 'zlib1g'];
/** And of those that Node needs. They go into containers only, where nothing of this machine is: any version is right. */
const system = ['libc6', 'libstdc++6', 'libgcc-s1'];

/** Builds the addon with Debian's cross compiler; its libraries are those of this machine, of the other architecture. */
export async function crossBuild(arch: Architecture): Promise<void> {
  const { multiarch } = architectures[arch];
  const libraries = await foreignLibraries(arch);
  const env = {
    ...process.env,
    ARCH: arch,
    CC: `${multiarch}-gcc`,
    LIBRARIES: libraries,
    NODE_HEADERS: process.env.NODE_HEADERS ?? join(dirname(dirname(process.execPath)), 'include/node'),
  };
  execFileSync('sh', [join(root, 'packages/bpf/native/build.sh')], { env, stdio: 'inherit' });
  const containers = { ...process.env, ARCH: arch, LIBRARIES: await gathered(arch, system) };
  execFileSync('sh', [join(root, 'scripts/system-libraries.sh')], { env: containers, stdio: 'inherit' });
}

/** The very versions that are installed here, so that a package carries one version of each, whatever the machine. */
async function foreignLibraries(arch: Architecture): Promise<string> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills these in
  const format = ['-W', '-f', '${Package}=${Version}\n', ...carried];
  return gathered(arch, (await run('dpkg-query', format)).trim().split('\n'));
}

/** The libraries of Debian packages in one folder, downloaded once. */
async function gathered(arch: Architecture, wanted: readonly string[]): Promise<string> {
  const { debian, multiarch } = architectures[arch];
  const dir = join(cacheHome, 'libraries', `${debian}-${wanted.join('-').replaceAll(/[^\w.=+~-]/g, '_')}`);
  if (!existsSync(dir)) {
    await mkdir(dirname(dir), { recursive: true });
    const work = await mkdtemp(`${dir}.`);
    try {
      await updateLists(bookworm(debian));
      await unpackPackages(bookworm(debian), wanted, join(work, 'root'));
      await renameOnce(join(work, 'root'), dir);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  // Some still lie outside of /usr.
  const all = join(dir, 'all');
  if (!existsSync(all)) {
    const part = await mkdtemp(`${all}.`);
    for (const place of ['usr/lib', 'lib']) {
      const from = join(dir, place, multiarch);
      if (existsSync(from)) await run('sh', ['-c', `cp -L "$1"/*.so.* "$2"`, 'sh', from, part]);
    }
    await renameOnce(part, all);
  }
  return all;
}

if (import.meta.main) {
  const [arch = process.arch === 'arm64' ? 'x64' : 'arm64'] = process.argv.slice(2);
  if (!(arch in architectures))
    throw new Error(`no architecture ${arch}; there are ${Object.keys(architectures)}`);
  await crossBuild(arch as Architecture);
}

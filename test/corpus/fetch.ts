import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bookworm, cacheHome, packageNames, unpackPackages } from '../../scripts/lib/apt.ts';
import { renameOnce } from '../../scripts/lib/rename-once.ts';
import { embeddedObjects } from './embedded.ts';

/**
 * A folder of the BPF objects of libbpf-tools, over fifty programs of other people: taken out of Debian 12's package,
 * whose tools carry them, since the archive at hand may have no source packages. Fetched once, never installed, kept
 * outside the checkout; `TOOL.o` each.
 */
export async function corpus(architecture: string = process.arch): Promise<string> {
  const debian = architecture === 'arm64' ? 'arm64' : 'amd64';
  const home = join(cacheHome, 'corpus');
  const folder = join(home, `libbpf-tools-${debian}`);
  await mkdir(home, { recursive: true });
  if ((await readdir(home)).includes(`libbpf-tools-${debian}`)) return folder;
  const work = await mkdtemp(join(home, 'work-'));
  try {
    await packageNames(bookworm(debian), 'libbpf-tools');
    await unpackPackages(bookworm(debian), ['libbpf-tools'], join(work, 'root'));
    await extract(join(work, 'root/usr/sbin'), join(work, 'objects'));
    await renameOnce(join(work, 'objects'), folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

/** ext4slower and its like are links to fsslower. */
async function extract(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const tool of await readdir(from)) {
    if ((await lstat(join(from, tool))).isSymbolicLink()) continue;
    const objects = embeddedObjects(await readFile(join(from, tool)));
    if (objects.length !== 1) throw new Error(`${tool} carries ${objects.length} objects, not one`);
    await writeFile(join(to, `${tool}.o`), objects[0]!);
  }
}

import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { crossBuild } from '../../scripts/cross.ts';
import { type BuiltFixture, buildFixtures } from '../support/fixtures.ts';
import type { Entry } from './cpio.ts';
import type { Architecture } from './machine.ts';

const root = join(import.meta.dirname, '../..');
const etc = join(import.meta.dirname, 'guest/etc');

/** Folders of the checkout that a guest has no use for: git, compilers, linters, this kind of thing. */
const leftOut = new Set([
  '.git',
  '.github',
  '.bin',
  '@biomejs',
  '@esbuild',
  '@types',
  '@typescript',
  'esbuild',
  'playwright-core',
  'publint',
  'typescript',
  'undici-types',
]);

/** What the overlay is made for; see {@link GuestRequest}. */
export interface OverlayOptions {
  command: string;
  /** The device that the command writes to. */
  terminal: string;
  kept?: string;
  files?: Readonly<Record<string, string>>;
}

/**
 * The part of a guest that changes with every edit: the checkout under /skep, the objects its tests load, and
 * what to run. A guest tests the same files as the host; only their types are blanked here, as Node would do there.
 */
export async function overlay(architecture: Architecture, o: OverlayOptions): Promise<Entry[]> {
  const { kept, files = {} } = o;
  const entries: Entry[] = [
    { path: 'command', kind: 'file', data: Buffer.from(`${o.command}\n`) },
    { path: 'etc/terminal', kind: 'file', data: Buffer.from(o.terminal) },
    {
      path: 'init',
      kind: 'file',
      data: await readFile(join(import.meta.dirname, 'guest/init')),
      executable: true,
    },
    { path: 'usr/bin/env', kind: 'link', target: '/bin/busybox' },
    ...['proc', 'sys', 'dev'].map((path): Entry => ({ path, kind: 'dir' })),
  ];
  if (architecture !== process.arch) await crossBuild(architecture);
  for (const name of await readdir(etc)) {
    entries.push({ path: `etc/${name}`, kind: 'file', data: await readFile(join(etc, name)) });
  }
  checkout ??= collectCheckout();
  for (const entry of await checkout) {
    // Each guest loads the addon of its own processor.
    if (!/\/(bpf|cli)\/build\/linux-/.test(entry.path) || entry.path.includes(`linux-${architecture}`))
      entries.push(entry);
  }
  if (kept) await collect(kept, 'kept', entries);
  for (const [to, from] of Object.entries(files)) await collect(from, to.replace(/^\/+/, ''), entries);
  for (const f of await buildFixtures(architecture)) entries.push(await fixtureEntry(f));
  return entries;
}

/** Read once for all guests of this process: most of it is taking types out of sources. */
let checkout: Promise<Entry[]> | undefined;

async function collectCheckout(): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const top of [
    'package.json',
    'packages',
    'probes',
    'bench/rungs.ts', // measures there
    'test',
    'scripts',
    'docs',
    'node_modules',
    'bin',
  ]) {
    await collect(join(root, top), join('skep', top), entries);
  }
  return entries;
}

async function fixtureEntry(f: BuiltFixture): Promise<Entry> {
  return { path: `fixtures/${f.source}.o`, kind: 'file', data: await readFile(f.object) };
}

async function collect(path: string, to: string, into: Entry[]): Promise<void> {
  const stat = await lstat(path);
  if (stat.isSymbolicLink()) {
    into.push({ path: to, kind: 'link', target: await readlink(path) });
  } else if (stat.isDirectory()) {
    into.push({ path: to, kind: 'dir' });
    for (const name of await readdir(path)) {
      if (!leftOut.has(name)) await collect(join(path, name), join(to, name), into);
    }
  } else if (stat.isFile() && !path.endsWith('.tgz') && !isForReaders(path)) {
    const raw = await readFile(path);
    const data = isOurSource(path) ? Buffer.from(stripTypeScriptTypes(raw.toString())) : raw;
    into.push({ path: to, kind: 'file', data, executable: (stat.mode & 0o100) !== 0 });
  }
}

/** What others' packages have beside what runs: half of their files, each of which a guest would unpack. */
function isForReaders(path: string): boolean {
  return path.includes('/node_modules/') && /\.(map|md|d\.[cm]?ts)$/.test(path);
}

function isOurSource(path: string): boolean {
  return path.endsWith('.ts') && !path.endsWith('.d.ts') && !path.includes('/node_modules/');
}

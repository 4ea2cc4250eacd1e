import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Metafile } from 'esbuild';

const root = join(import.meta.dirname, '..');

/**
 * A library that is carried as a shared object, the Debian package it comes from, and the licences that the
 * package's copyright file only refers to. Of libbpf's two licences we take BSD-2-Clause, which stands there.
 */
const carried = [
  { name: 'libbpf', package: 'libbpf1', licences: [] },
  { name: 'elfutils (libelf)', package: 'libelf1', licences: ['LGPL-3', 'GPL-3'] },
  { name: 'zlib', package: 'zlib1g', licences: [] },
  // What containers of `skep package` are given beside Node.
  { name: 'glibc', package: 'libc6', licences: ['LGPL-2.1', 'GPL-2'] },
  { name: 'gcc (libstdc++, libgcc_s)', package: 'libstdc++6', licences: ['GPL-3'] },
];

/** The text of THIRD-PARTY-NOTICES: everything in the package that others wrote, with its licence in full. */
export function notices(
  bundled: Metafile,
  versionOf: (debian: string) => { version: string; source: string },
): string {
  const parts = npmPackages(bundled).map(npmNotice);
  for (const lib of carried) {
    const { version, source } = versionOf(lib.package);
    const copyright = readFileSync(`/usr/share/doc/${lib.package}/copyright`, 'utf8');
    const where = `Debian's ${lib.package} ${version}, unchanged. Source: https://snapshot.debian.org/package/${source}/`;
    const licences = lib.licences.map((l) => readFileSync(join('/usr/share/common-licenses', l), 'utf8'));
    parts.push(section(lib.name, [where, copyright, ...licences].join('\n\n')));
  }
  const headers =
    'packages/probe/include/bpf: the headers of libbpf, under LGPL-2.1 OR BSD-2-Clause; see libbpf.';
  return `skep contains work of others. Each part is under its own licence.\n${headers}\n\n${parts.join('\n')}`;
}

/** The folders under node_modules that the bundle took code from. */
function npmPackages(bundled: Metafile): string[] {
  const folders = Object.values(bundled.outputs)
    .flatMap((o) => Object.entries(o.inputs))
    .filter(([, used]) => used.bytesInOutput > 0)
    .map(([path]) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0])
    .filter((f) => f !== undefined);
  return [...new Set(folders)].sort();
}

function npmNotice(folder: string): string {
  const dir = join(root, folder);
  const { name, version, license } = manifest(dir);
  const from = [dir, ...ofSameRepository(dir)].find((d) => licenceFiles(d).length > 0);
  if (!from) throw new Error(`${folder} has no licence file to carry along`);
  const texts = licenceFiles(from).map((f) => readFileSync(join(from, f), 'utf8').trim());
  return section(`${name} ${version} (${license})`, texts.join('\n\n'));
}

function manifest(dir: string): {
  name: string;
  version: string;
  license: string;
  repository?: { url?: string };
} {
  return JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
}

function licenceFiles(dir: string): string[] {
  return readdirSync(dir).filter((f) => /^(licen[cs]e|copying|notice)/i.test(f) && existsSync(join(dir, f)));
}

/** Packages of the same scope, repository and licence: some authors put the text into one of them only (@sigstore). */
function ofSameRepository(dir: string): string[] {
  const { license, repository } = manifest(dir);
  if (!basename(dirname(dir)).startsWith('@') || !repository?.url) return [];
  return readdirSync(dirname(dir))
    .sort()
    .map((other) => join(dirname(dir), other))
    .filter((other) => {
      const about = manifest(other);
      return about.repository?.url === repository.url && about.license === license;
    });
}

function section(title: string, text: string): string {
  return `${'='.repeat(78)}\n${title}\n${'='.repeat(78)}\n${text.trim()}\n`;
}

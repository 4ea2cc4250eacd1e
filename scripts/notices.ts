import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

const root = join(import.meta.dirname, '..');

/** A library that is carried as a shared object: its Debian package, and the source package it is built from. */
const carried = [
  { name: 'libbpf', package: 'libbpf1' },
  { name: 'libelf (elfutils)', package: 'libelf1' },
  { name: 'zlib', package: 'zlib1g' },
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
    parts.push(section(lib.name, `${where}\n\n${copyright}`));
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
  const { name, version, license } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
  const files = readdirSync(dir).filter(
    (f) => /^(licen[cs]e|copying|notice)/i.test(f) && existsSync(join(dir, f)),
  );
  if (files.length === 0) throw new Error(`${folder} has no licence file to carry along`);
  const texts = files.map((f) => readFileSync(join(dir, f), 'utf8').trim());
  return section(`${name} ${version} (${license})`, texts.join('\n\n'));
}

function section(title: string, text: string): string {
  return `${'='.repeat(78)}\n${title}\n${'='.repeat(78)}\n${text.trim()}\n`;
}

// Makes dist/skep-VERSION.tgz: what `npm i -g` needs and nothing else. It has the folders of a checkout, so that
// everything is found the same way in both: bin/skep, packages/cli/dist, packages/probe/include, in packages/bpf/build
// the addon for each architecture, and in packages/cli/build the libraries that containers get.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { arm64Header } from '../test/kernels/kernel-types.ts';
import { bundle } from './bundle.ts';
import { type Architecture, architectures, crossBuild } from './cross.ts';
import { notices } from './notices.ts';
import { buildObjects } from './objects.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const stage = join(dist, 'package');

/** Builds the staging folder and the tarball; returns the tarball's path. */
export async function pack(): Promise<string> {
  rmSync(stage, { recursive: true, force: true });
  const bundled = await bundle(join(stage, 'packages/cli/dist'));
  for (const path of [
    'bin',
    'LICENSE',
    'README.md',
    'packages/probe/include',
    'packages/probe/builder',
    'packages/bpf/kernels',
  ]) {
    if (existsSync(join(root, path))) cpSync(join(root, path), join(stage, path), { recursive: true });
  }
  for (const arch of Object.keys(architectures) as Architecture[]) {
    if (arch !== process.arch) await crossBuild(arch);
    const dir = `packages/bpf/build/linux-${arch}`;
    copyMatching(dir, dir, /\.node$|\.so\.\d+$/);
    const libraries = `packages/cli/build/linux-${arch}`;
    copyMatching(libraries, libraries, /\.so\.\d+$/);
    if (arch !== process.arch) await buildObjects(arch, await foreignHeader(arch));
    const probes = `packages/agent/build/linux-${arch}`;
    copyMatching(probes, probes, /\.o$/);
  }
  copyMatching(
    '/usr/include/bpf',
    'packages/probe/include/bpf',
    /^(bpf_(helpers|helper_defs|core_read|tracing|endian)|usdt\.bpf)\.h$/,
  );
  chmodSync(join(stage, 'bin/skep'), 0o755);
  writeFileSync(join(stage, 'THIRD-PARTY-NOTICES'), notices(bundled, debianVersion));
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
  const args = ['pack', '--ignore-scripts', '--loglevel=error', '--json', '--pack-destination', dist];
  const [{ filename }] = JSON.parse(execFileSync('npm', args, { cwd: stage, encoding: 'utf8' }));
  return join(dist, filename);
}

/** The published package's own manifest: no dependencies, no scripts, and only where the addon can run. */
function manifest(): object {
  const cli = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8'));
  const { description, keywords } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return {
    name: 'skep',
    version: cli.version,
    description,
    keywords,
    license: '(Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause))',
    type: 'module',
    bin: { skep: 'bin/skep' },
    exports: { './package.json': './package.json' },
    engines: cli.engines,
    os: ['linux'],
    cpu: Object.keys(architectures),
    libc: ['glibc'],
  };
}

/** Types of a kernel of the other architecture, for the agent's probes. */
async function foreignHeader(arch: Architecture): Promise<string> {
  if (arch === 'arm64') return arm64Header();
  throw new Error(`the agent's probes for ${arch} are built on ${arch}: pack there`);
}

function copyMatching(from: string, to: string, name: RegExp): void {
  const source = join(root, from);
  const dir = existsSync(source) ? source : from;
  const files = readdirSync(dir).filter((f) => name.test(f));
  if (files.length === 0) throw new Error(`${dir} has nothing to pack; run make first`);
  mkdirSync(join(stage, to), { recursive: true });
  for (const f of files) cpSync(join(dir, f), join(stage, to, f), { dereference: true });
}

function debianVersion(name: string): { version: string; source: string } {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills these in
  const format = '${Version} ${source:Package}';
  const [version = '', source = ''] = execFileSync('dpkg-query', ['-W', '-f', format, name], {
    encoding: 'utf8',
  }).split(' ');
  return { version, source };
}

if (import.meta.main) process.stdout.write(`${await pack()}\n`);

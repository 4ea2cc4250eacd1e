import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
const headers = join(root, 'packages/probe/include');
const cache = join(root, 'build/fixtures');
const run = promisify(execFile);

/** A compiled test program: its source relative to the checkout, and where the object lies. */
export interface BuiltFixture {
  source: string;
  object: string;
}

/**
 * The object of a test's BPF program `*.bpf.c`, compiled when its source or a header has changed. In a guest of
 * the kernel tests, which has no compiler, the object that the host compiled beforehand.
 */
export async function fixture(source: string | URL): Promise<Uint8Array> {
  const path = typeof source === 'string' ? source : fileURLToPath(source);
  const compiled = process.env.SKEP_FIXTURES;
  if (compiled) return readFileSync(join(compiled, `${relative(root, path)}.o`));
  return readFileSync(await compileOnce(path));
}

/** Compiles every `*.bpf.c` that belongs to a test. */
export async function buildFixtures(): Promise<BuiltFixture[]> {
  const sources = globSync(['packages/*/test/**/*.bpf.c', 'probes/*/*.bpf.c', 'test/**/*.bpf.c'], {
    cwd: root,
  });
  const built: BuiltFixture[] = [];
  for (const source of sources.sort()) {
    built.push({ source, object: await compileOnce(join(root, source)) });
  }
  return built;
}

async function compileOnce(path: string): Promise<string> {
  const vmlinux = await vmlinuxHeader();
  const flags = ['-target', 'bpf', '-g', '-O2', '-mcpu=v3', '-Wall', `-I${headers}`, `-I${dirname(vmlinux)}`];
  // Debian keeps the architecture's headers aside; clang's bpf target does not look there.
  const arch = `/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  flags.push(`-D__TARGET_ARCH_${process.arch === 'arm64' ? 'arm64' : 'x86'}`, '-idirafter', arch);
  const key = createHash('sha256').update(flags.join(' ')).update(readFileSync(path));
  const beside = readdirSync(dirname(path)).map((f) => join(dirname(path), f));
  for (const h of [...beside, ...readdirSync(headers).map((f) => join(headers, f))].filter((f) =>
    f.endsWith('.h'),
  ))
    key.update(readFileSync(h));
  const object = join(cache, `${basename(path, '.bpf.c')}-${key.digest('hex').slice(0, 16)}.o`);
  if (existsSync(object)) return object;
  await atomically(object, (to) => run('clang', [...flags, '-c', path, '-o', to]));
  return object;
}

/** The running kernel's types as a header; offsets are relocated where an object is loaded. */
async function vmlinuxHeader(): Promise<string> {
  const btf = '/sys/kernel/btf/vmlinux';
  const version = (await run('uname', ['-rv'])).stdout;
  const dir = join(cache, `vmlinux-${createHash('sha256').update(version).digest('hex').slice(0, 16)}`);
  const header = join(dir, 'vmlinux.h');
  if (existsSync(header)) return header;
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const dump = ['btf', 'dump', 'file', btf, 'format', 'c'];
  const { stdout } = await run('bpftool', dump, { env, maxBuffer: 1 << 28 });
  await atomically(header, async (to) => writeFileSync(to, stdout));
  return header;
}

/** Tests run side by side: a file appears whole or not at all. */
async function atomically(path: string, write: (to: string) => Promise<unknown>): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}`;
  await write(part);
  renameSync(part, path);
}

import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
const cache = join(root, 'build/fixtures');
const run = promisify(execFile);

/** A compiled program: its source relative to the checkout, and where the object lies. */
export interface BuiltFixture {
  source: string;
  object: string;
}

/**
 * The object of a C file of ours: a test's `*.bpf.c`, or a probe of the catalogue. Compiled when its source, a
 * header, or how we compile has changed; in a guest of the kernel tests, the object that the host compiled beforehand.
 */
export async function fixture(source: string | URL): Promise<Uint8Array> {
  const path = typeof source === 'string' ? source : fileURLToPath(source);
  const compiled = process.env.SKEP_FIXTURES;
  if (compiled) return readFileSync(join(compiled, `${relative(root, path)}.o`));
  return readFileSync(await compileOnce(path));
}

/** The path of a program that tests watch, `*.native.c`: linked statically, since a guest has no libraries of its own. */
export async function nativeFixture(source: URL): Promise<string> {
  const path = fileURLToPath(source);
  const compiled = process.env.SKEP_FIXTURES;
  if (!compiled) return compileOnce(path);
  const to = join(tmpdir(), `${basename(path, '.c')}-${process.pid}`);
  if (!existsSync(to)) {
    copyFileSync(join(compiled, `${relative(root, path)}.o`), to);
    chmodSync(to, 0o755);
  }
  return to;
}

/** Compiles every C file that a kernel test may ask for. */
export async function buildFixtures(architecture = process.arch): Promise<BuiltFixture[]> {
  const sources = globSync(['{packages/*/test,test,probes}/**/*.{bpf,native}.c', 'probes/*/*.c'], {
    cwd: root,
  });
  const built: BuiltFixture[] = [];
  for (const source of [...new Set(sources)].sort()) {
    if (is32(source) && architecture !== 'x64') continue;
    built.push({ source, object: await compileOnce(join(root, source), architecture) });
  }
  return built;
}

/** A probe is compiled as `skep build` does it, a test's program with nothing but clang and libbpf's headers. */
async function compileOnce(path: string, architecture = process.arch): Promise<string> {
  const isNative = path.endsWith('.native.c');
  const isProbe = path.startsWith(join(root, 'probes/'));
  const key = createHash('sha256')
    .update(readFileSync(import.meta.filename))
    .update(readFileSync(path))
    .update(architecture);
  const read = ['packages/probe/include/*.h', `${relative(root, dirname(path))}/*.h`, 'probes/{,l7/}*.h'];
  if (isProbe) read.push('packages/probe/src/clang/**/*.ts');
  for (const file of globSync(read, { cwd: root }).sort()) key.update(readFileSync(join(root, file)));
  const object = join(cache, `${basename(path, '.c')}-${key.digest('hex').slice(0, 16)}.o`);
  if (existsSync(object)) return object;
  await atomically(object, (to) =>
    (isNative ? compileNative : isProbe ? compileProbe : compileTest)(path, to, architecture),
  );
  return object;
}

async function compileProbe(path: string, to: string, architecture: string): Promise<void> {
  const { compile } = await import('@skep/probe');
  const foreign = architecture !== process.arch;
  const other = { platform: `linux/${architecture}`, vmlinux: await vmlinuxHeader(architecture) };
  writeFileSync(to, (await compile({ source: path, ...(foreign ? other : {}) })).object);
}

async function compileTest(path: string, to: string, architecture: string): Promise<void> {
  const [target, multiarch] = architecture === 'arm64' ? ['arm64', 'aarch64'] : ['x86', 'x86_64'];
  const vmlinux = dirname(await vmlinuxHeader(architecture));
  const include = [join(root, 'packages/probe/include'), vmlinux].map((d) => `-I${d}`);
  const flags = ['-target', 'bpf', '-g', '-O2', '-mcpu=v3', '-Wall', `-D__TARGET_ARCH_${target}`, ...include];
  // Debian keeps the architecture's headers aside; clang's bpf target does not look there.
  const foreign = architecture !== process.arch;
  flags.push(
    '-idirafter',
    `/usr/${foreign ? '' : 'include/'}${multiarch}-linux-gnu${foreign ? '/include' : ''}`,
  );
  await run('clang', [...flags, '-c', path, '-o', to]);
}

/** A program of 32 bits, which only x86-64 runs here; it has no C library. */
const is32 = (path: string) => path.endsWith('32.native.c');

async function compileNative(path: string, to: string, architecture: string): Promise<void> {
  if (is32(path)) {
    const alone = ['-ffreestanding', '-fno-stack-protector', '-nostdlib', '-static'];
    return void (await run('clang', ['-m32', '-O1', '-Wall', ...alone, '-o', to, path]));
  }
  const compiler = architecture === process.arch ? 'gcc' : 'aarch64-linux-gnu-gcc';
  await run(compiler, ['-O1', '-Wall', '-static', '-o', to, path]);
}

/** The running kernel's types as a header, or those of a guest with another processor; offsets are relocated where an object is loaded. */
async function vmlinuxHeader(architecture: string): Promise<string> {
  if (architecture !== process.arch) return (await import('../kernels/kernel-types.ts')).arm64Header();
  const version = (await run('uname', ['-rv'])).stdout;
  const dir = join(cache, `vmlinux-${createHash('sha256').update(version).digest('hex').slice(0, 16)}`);
  const header = join(dir, 'vmlinux.h');
  if (existsSync(header)) return header;
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const dump = ['btf', 'dump', 'file', '/sys/kernel/btf/vmlinux', 'format', 'c'];
  const { stdout } = await run('bpftool', dump, { env, maxBuffer: 1 << 28 });
  await atomically(header, async (to) => writeFileSync(to, stdout));
  return header;
}

/** Tests and guests run side by side: a file appears whole or not at all. */
async function atomically(path: string, write: (to: string) => Promise<unknown>): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.${randomUUID()}`;
  await write(part);
  renameSync(part, path);
}

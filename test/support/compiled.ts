import { createHash, randomUUID } from 'node:crypto';
import { existsSync, globSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '@skep/probe';

const root = join(import.meta.dirname, '../..');

/**
 * The object of a probe that a test has as text, compiled as `skep build` does it. While kernel tests run
 * (test/kernels/kernels.test.ts), the host keeps it, for arm64 as well where that is wanted, and a guest takes what was
 * kept: to go through all that leads to a compiler, with 5 MB of types read and hashed, costs an emulated processor four
 * seconds, of which the kernel sees nothing.
 */
export async function compiled(source: string): Promise<Uint8Array> {
  const kept = process.env.SKEP_KEPT_OBJECTS;
  const place = kept && join(kept, `probe-${keyOf(source)}`);
  if (place && process.env.SKEP_GUEST) {
    const object = `${place}-${process.arch}.o`;
    if (existsSync(object)) return readFileSync(object);
    throw new Error(
      `a guest has no compiler, and the same test on the host did not compile this:\n${source}`,
    );
  }
  const dir = mkdtempSync(join(tmpdir(), `skep-compiled-${process.pid}-`));
  try {
    const file = join(dir, 'probe.c');
    writeFileSync(file, source);
    const { object } = await compile({ source: file });
    if (place) keep(`${place}-${process.arch}.o`, object);
    const foreign = process.env.SKEP_ARM64_HEADERS;
    if (place && foreign) {
      const other = { platform: 'linux/arm64', vmlinux: join(foreign, 'vmlinux.h') };
      keep(`${place}-arm64.o`, (await compile({ source: file, ...other })).object);
    }
    return object;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** What an object is made of, but for the compiler: a guest is given what the run before it on the host has made. */
function keyOf(source: string): string {
  const hash = createHash('sha256').update(source);
  for (const file of globSync('packages/probe/include/*.h', { cwd: root }).sort())
    hash.update(readFileSync(join(root, file)));
  return hash.digest('hex').slice(0, 32);
}

/** Test files run side by side, and two may have the same text: what is there appeared whole. */
function keep(path: string, object: Uint8Array): void {
  if (existsSync(path)) return;
  const part = `${path}.${randomUUID()}`;
  writeFileSync(part, object);
  renameSync(part, path);
}

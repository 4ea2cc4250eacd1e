import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ProbeError } from '../errors.ts';
import type { Platform } from './platform.ts';

const KERNEL_BTF = '/sys/kernel/btf/vmlinux';
const OTHER_HINT =
  'Name one with --vmlinux FILE; on a machine that has the types, make it with: bpftool btf dump file /sys/kernel/btf/vmlinux format c > vmlinux.h.';

/** Makes the text of vmlinux.h from a file of kernel BTF. */
export type DumpHeader = (btf: string) => string | Promise<string>;

/** `~/.cache/skep`, or what `XDG_CACHE_HOME` says. */
export function cacheDir(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'skep');
}

/** What {@link vmlinuxHeader} needs to know. */
export interface VmlinuxOptions {
  /** A header of the user's own, used as it is; or a file of kernel BTF to make it from. */
  file?: string;
  platform: Platform;
  dump: DumpHeader;
  /** Where BTF is read from; the running kernel's unless a test says otherwise. */
  btf?: string;
  cache?: string;
}

/**
 * The path of the vmlinux.h to build with: the user's own file, else one made from this kernel's BTF and kept in the
 * cache under the hash of that BTF, so that it is made once a kernel.
 *
 * @throws {ProbeError} `SKEP_VMLINUX` when there is neither
 */
export async function vmlinuxHeader(o: VmlinuxOptions): Promise<string> {
  if (o.file !== undefined) {
    if (existsSync(o.file) && statSync(o.file).isFile())
      return (await isBtf(o.file)) ? headerFrom(o.file, await readFile(o.file), o) : o.file;
    throw new ProbeError('SKEP_VMLINUX', `There is no file ${o.file} to take as vmlinux.h.`, {
      hint: OTHER_HINT,
    });
  }
  if (!o.platform.native) {
    throw new ProbeError('SKEP_VMLINUX', `This kernel's types do not fit ${o.platform.name}.`, {
      hint: OTHER_HINT,
    });
  }
  const btf = o.btf ?? KERNEL_BTF;
  let bytes: Uint8Array;
  try {
    // sysfs hands out a page at a time: 1,300 turns of the thread pool, for each of which a read takes microseconds.
    bytes = readFileSync(btf);
  } catch (cause) {
    const message = `This kernel does not tell its types (${btf} cannot be read), so vmlinux.h cannot be made.`;
    throw new ProbeError('SKEP_VMLINUX', message, { hint: OTHER_HINT, cause });
  }
  return headerFrom(btf, bytes, o);
}

async function isBtf(path: string): Promise<boolean> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
  return bytesRead === 2 && buffer.readUInt16LE() === 0xeb9f;
}

/** Made once, and kept under the hash of what it is made from. */
async function headerFrom(btf: string, bytes: Uint8Array, o: VmlinuxOptions): Promise<string> {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const dir = join(o.cache ?? cacheDir(), 'vmlinux');
  const path = join(dir, `${hash}.h`);
  if (!existsSync(path)) await writeWhole(dir, path, await o.dump(btf));
  return path;
}

/** Through a temporary file and a rename: another build never sees half a header, nor does one after a kill. */
async function writeWhole(dir: string, path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dir, { recursive: true });
    try {
      await writeFile(temporary, text);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  } catch (cause) {
    throw new ProbeError('SKEP_VMLINUX', `vmlinux.h cannot be written to ${dir}.`, {
      hint: 'Name a cache folder that can be written with XDG_CACHE_HOME.',
      cause,
    });
  }
}

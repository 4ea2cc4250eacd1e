import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { machine, release } from 'node:os';
import { basename, join } from 'node:path';
import type { KernelTypes, ProbeImage } from '@skep/probe';
import { TemporaryFolder } from '@skep/probe/temporary';
import { usageError } from './errors.ts';

/**
 * What `--btf` packs: of each kernel's BTF the part that the objects need. `RELEASE=FILE` says whose it is, else the
 * file's name does: `5.4.0-150-generic.btf`.
 */
export async function readKernelTypes(
  words: readonly string[],
  objects: ProbeImage['objects'],
): Promise<KernelTypes[]> {
  const { Btf, btfArchitecture, minimalBtf, parseObject } = await import('@skep/bpf');
  const parsed = objects.map((o) => parseObject(o.bytes, o.name));
  const out: KernelTypes[] = [];
  for (const word of words) {
    const equals = word.indexOf('=');
    const path = word.slice(equals + 1);
    const name = equals > 0 ? word.slice(0, equals) : basename(path).replace(/\.btf$/, '');
    if (!/^\d+\.\d+[\w.+~-]*$/.test(name))
      throw usageError(
        `--btf: "${name}" is no kernel release`,
        'Name the file as "uname -r" calls the kernel (5.4.0-150-generic.btf), or write RELEASE=FILE.',
      );
    const bytes = await readFile(path).catch((e: Error) => {
      throw Object.assign(e, { path });
    });
    const btf = Btf.parse(new Uint8Array(bytes));
    const architecture = btfArchitecture(btf);
    if (out.some((t) => t.release === name && t.architecture === architecture))
      throw usageError(`--btf: ${name} is named twice`, 'Leave one of them out.');
    out.push({ release: name, architecture, bytes: minimalBtf(btf, parsed) });
  }
  return out.sort((a, b) => (`${a.release} ${a.architecture}` < `${b.release} ${b.architecture}` ? -1 : 1));
}

/** The types in an image for the running kernel, if that has none of its own and the image has some for it. */
export async function typesForRunning(image: ProbeImage): Promise<KernelTypes | undefined> {
  if (!image.kernelTypes) return undefined;
  const { hasKernelBtf } = await import('@skep/bpf');
  if (hasKernelBtf()) return undefined;
  const architecture = machine() === 'aarch64' ? 'arm64' : machine();
  return image.kernelTypes.find((t) => t.release === release() && t.architecture === architecture);
}

/** Those types as a file, which libbpf wants, until it is disposed of. */
export function typesFile(types: KernelTypes): { path: string } & Disposable {
  const folder = new TemporaryFolder('skep-types-');
  const path = join(folder.path, 'vmlinux.btf');
  writeFileSync(path, types.bytes);
  return { path, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

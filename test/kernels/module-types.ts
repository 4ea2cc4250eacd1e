import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Btf } from '../../packages/bpf/src/index.ts';
import { runBytes } from '../../scripts/lib/process.ts';

const kinds = new Set(['struct', 'union', 'enum', 'enum64', 'typedef', 'func', 'var']);

/** Names of types, functions and variables that the kernel proper lacks and some module of it has, sorted. */
export async function moduleNames(folder: string, kernel: Btf): Promise<string[]> {
  const own = new Set<string>();
  for (let id = 1; id < kernel.count; id++) if (kinds.has(kernel.kind(id))) own.add(kernel.nameAt(id));
  const found = new Set<string>();
  for (const name of await readdir(folder, { recursive: true })) {
    if (!/\.ko(\.xz)?$/.test(name)) continue;
    const path = join(folder, name);
    const bytes = section(name.endsWith('.xz') ? await runBytes('xz', ['-dc', path]) : await readFile(path));
    if (!bytes) continue;
    const btf = Btf.parse(bytes, kernel);
    for (let id = kernel.count; id < btf.count; id++) {
      if (!kinds.has(btf.kind(id))) continue;
      const named = btf.nameAt(id);
      if (named !== '' && !own.has(named)) found.add(named);
    }
  }
  return [...found].sort();
}

/** The bytes of a module's .BTF section; it is an ELF file for the machine, which our reader of objects refuses. */
function section(file: Buffer): Uint8Array | undefined {
  const table = Number(file.readBigUInt64LE(40));
  const count = file.readUInt16LE(60);
  const header = (i: number) => table + i * 64;
  const bytes = (i: number) => {
    const at = Number(file.readBigUInt64LE(header(i) + 24));
    return file.subarray(at, at + Number(file.readBigUInt64LE(header(i) + 32)));
  };
  const names = bytes(file.readUInt16LE(62));
  for (let i = 1; i < count; i++) {
    const at = file.readUInt32LE(header(i));
    if (names.toString('latin1', at, names.indexOf(0, at)) === '.BTF') return bytes(i);
  }
  return undefined;
}

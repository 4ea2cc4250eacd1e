import { beginsAsElf, withUserElf } from '../elf/user-elf.ts';
import { BpfError } from '../errors.ts';

/**
 * The types in a kernel's own file, a vmlinux that is not compressed; undefined for any other. A BPF object has some too,
 * and beside them what its programs ask for.
 */
export function vmlinuxTypes(path: string): Uint8Array | undefined {
  if (beginsAsElf(path) !== true) return undefined;
  try {
    const types = withUserElf(path, ({ sections }) =>
      sections.some((s) => s.name === '.BTF.ext')
        ? undefined
        : sections.find((s) => s.name === '.BTF')?.data(),
    );
    return types && new Uint8Array(types.buffer);
  } catch (e) {
    if (e instanceof BpfError) return undefined; // cut short, or of 32 bits
    throw e;
  }
}

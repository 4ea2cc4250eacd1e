import { readFileSync } from 'node:fs';
import { BpfError } from '../errors.ts';

/** The bytes of /sys/kernel/btf/`name`: `vmlinux` or a loaded module. */
export function readKernelBtf(name: string): Uint8Array {
  const path = `/sys/kernel/btf/${name}`;
  try {
    return readFileSync(path);
  } catch (cause) {
    const whose = name === 'vmlinux' ? 'This kernel' : `The kernel module "${name}"`;
    throw new BpfError('SKEP_BTF_MISSING', `${whose} offers no type information: ${path} cannot be read.`, {
      hint: 'It needs a kernel built with CONFIG_DEBUG_INFO_BTF (distributions since 2020), and /sys mounted.',
      object: path,
      cause,
    });
  }
}

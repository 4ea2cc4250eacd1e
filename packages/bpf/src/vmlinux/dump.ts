import { BpfError } from '../errors.ts';
import { Errno, errnoName } from '../kernel/errno.ts';
import { isNativeError, native } from '../native.ts';

/**
 * The text of vmlinux.h: the types of the running kernel, or of a file (raw BTF or an ELF file with a .BTF
 * section), as C that clang compiles for BPF. Printed by libbpf as bpftool does, on a thread of libuv's pool;
 * takes about a second and 3 MB.
 *
 * ```ts
 * await writeFile('vmlinux.h', await dumpVmlinuxHeader());
 * ```
 * @throws {BpfError} `SKEP_BTF_MISSING` when the kernel or the file has none, `SKEP_BTF_INVALID`
 */
export async function dumpVmlinuxHeader(btf?: string): Promise<string> {
  try {
    return await native().vmlinuxDump(btf ?? null);
  } catch (cause) {
    if (!isNativeError(cause)) throw cause;
    const where = btf ?? 'the running kernel';
    const missing = [Errno.ENOENT, Errno.ESRCH].includes(cause.errno as 2);
    throw new BpfError(
      missing ? 'SKEP_BTF_MISSING' : 'SKEP_BTF_INVALID',
      missing
        ? `There is no BTF of ${where}`
        : `The BTF of ${where} cannot be read (${errnoName(cause.errno)})`,
      {
        hint: btf
          ? 'Give raw BTF, such as a copy of /sys/kernel/btf/vmlinux, or an ELF file compiled with -g for BPF.'
          : 'The kernel needs CONFIG_DEBUG_INFO_BTF. A vmlinux.h made on another machine works for CO-RE programs.',
        object: btf,
        errno: cause.errno,
        log: cause.log,
        cause,
      },
    );
  }
}

import { Btf } from '../btf/btf.ts';
import { Elf } from '../elf/elf.ts';
import { BpfError } from '../errors.ts';

/**
 * An object's sections and types; what is wrong with it is said with its name.
 *
 * @throws {BpfError} `SKEP_ELF_INVALID`, `SKEP_ELF_ENDIAN`, `SKEP_ELF_MACHINE`, `SKEP_BTF_INVALID`, `SKEP_BTF_MISSING`
 */
export function parseObject(bytes: Uint8Array, name: string): { elf: Elf; btf: Btf } {
  try {
    const elf = Elf.parse(bytes);
    return { elf, btf: Btf.fromElf(elf) };
  } catch (cause) {
    if (!(cause instanceof BpfError)) throw cause;
    const { code, message, hint } = cause;
    const sentence = `${name}: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
    throw new BpfError(code, sentence, { hint, object: name, cause });
  }
}

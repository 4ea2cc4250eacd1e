import type { Elf } from '../elf/elf.ts';
import type { ElfSection } from '../elf/types.ts';
import { BpfError } from '../errors.ts';
import { BtfBlob } from './blob.ts';

/**
 * The bytes of an object's `.BTF` section as the linker would leave them: compilers write the offsets of
 * global variables as relocations and leave the size of each data section 0.
 */
export function relocatedBtf(elf: Elf): Uint8Array {
  const section = elf.section('.BTF');
  if (!section || section.data.length === 0) {
    throw new BpfError('SKEP_BTF_MISSING', 'The object has no type information (no .BTF section).', {
      hint: 'Compile it with clang -target bpf -g.',
    });
  }
  const bytes = relocated(elf, section);
  fillSectionSizes(elf, new BtfBlob(bytes));
  return bytes;
}

/**
 * A copy of a debug section with its relocations applied. LLVM's BPF back end uses R_BPF_64_NODYLD32 here
 * (before 13: R_BPF_64_32): 32 bits in place, plus the symbol's value.
 */
export function relocated(elf: Elf, section: ElfSection): Uint8Array {
  // Not .slice(): on a Buffer that is a view, and the caller's file must not change.
  const bytes = new Uint8Array(section.data);
  const dv = new DataView(bytes.buffer);
  for (const { offset, symbol } of elf.relocations(section)) {
    if (symbol.value === 0 || offset + 4 > bytes.length) continue;
    dv.setUint32(offset, (dv.getUint32(offset, true) + symbol.value) >>> 0, true);
  }
  return bytes;
}

function fillSectionSizes(elf: Elf, blob: BtfBlob): void {
  for (const at of blob.offsets) {
    if (blob.kindAt(at) !== 'datasec' || blob.dv.getUint32(at + 8, true) !== 0) continue;
    const section = elf.section(blob.string(blob.dv.getUint32(at, true)));
    // Externs (.ksyms, .kconfig) have no section in the file; their size stays 0.
    if (section) blob.dv.setUint32(at + 8, section.size, true);
  }
}

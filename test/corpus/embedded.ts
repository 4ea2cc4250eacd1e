/** The magic of a little-endian 64-bit ELF file. */
const magic = Buffer.from('7f454c46020101', 'hex');
const EM_BPF = 247;
const SHT_NOBITS = 8;
/** Where the header (Elf64_Ehdr) and a section's (Elf64_Shdr) have what is read here. */
const header = { machine: 18, sections: 40, sectionSize: 58, sectionCount: 60, size: 64 };
const section = { type: 4, offset: 24, length: 32 };

/**
 * The BPF objects that a program carries in its data, as libbpf's skeletons do (`bpftool gen skeleton`): each
 * begins with an ELF header for BPF, and ends where its last section or its table of sections does.
 */
export function embeddedObjects(program: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(program.buffer, program.byteOffset, program.byteLength);
  const found: Uint8Array[] = [];
  for (let at = bytes.indexOf(magic, 1); at >= 0; at = bytes.indexOf(magic, at + 1)) {
    const end = objectEnd(bytes.subarray(at));
    if (end !== undefined) found.push(program.slice(at, at + end));
  }
  return found;
}

function objectEnd(elf: Buffer): number | undefined {
  if (elf.length < header.size || elf.readUInt16LE(header.machine) !== EM_BPF) return undefined;
  const table = Number(elf.readBigUInt64LE(header.sections));
  const size = elf.readUInt16LE(header.sectionSize);
  const count = elf.readUInt16LE(header.sectionCount);
  let end = table + size * count;
  if (end > elf.length) return undefined;
  for (let at = table; at < table + size * count; at += size) {
    if (elf.readUInt32LE(at + section.type) === SHT_NOBITS) continue;
    const last = elf.readBigUInt64LE(at + section.offset) + elf.readBigUInt64LE(at + section.length);
    end = Math.max(end, Number(last));
  }
  return end <= elf.length ? end : undefined;
}

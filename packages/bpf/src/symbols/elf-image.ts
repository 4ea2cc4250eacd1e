import { type ByteSource, u64 } from './bytes.ts';

/** A part of a program's file that is mapped: `vaddr` is the address it was linked for. */
export interface Segment {
  readonly offset: number;
  readonly vaddr: number;
  readonly fileSize: number;
  readonly executable: boolean;
}

export interface ImageSection {
  readonly name: string;
  /** SHT_* */
  readonly type: number;
  readonly executable: boolean;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

// "ELF-64 Object File Format" 1.5, elf(5).
const HEADER = 64;
const PROGRAM_HEADER = 56;
const SECTION_HEADER = 64;
const PT_LOAD = 1;
const PF_X = 1;
const SHT_NOTE = 7;
const SHF_EXECINSTR = 4;
const NT_GNU_BUILD_ID = 3;
/** No program has more; a forged file must not cost memory. */
const MAX_HEADERS = 4096;
const MAX_NAMES = 1 << 20;

/**
 * A program or library of this machine (ELF64, little-endian), read by its headers: a 120 MB binary costs a few
 * kilobytes until its symbols are asked for.
 */
export class ElfImage {
  readonly source: ByteSource;
  readonly entry: number;
  readonly segments: readonly Segment[];
  readonly sections: readonly ImageSection[];

  private constructor(source: ByteSource, entry: number, segments: Segment[], sections: ImageSection[]) {
    this.source = source;
    this.entry = entry;
    this.segments = segments;
    this.sections = sections;
  }

  /** Undefined for anything that is not such a file, or is damaged where its headers are. */
  static read(source: ByteSource): ElfImage | undefined {
    const header = source.read(0, HEADER);
    if (header.length < HEADER || header.readUInt32BE(0) !== 0x7f454c46) return undefined;
    if (header[4] !== 2 || header[5] !== 1) return undefined;
    return new ElfImage(source, u64(header, 24), readSegments(source, header), readSections(source, header));
  }

  section(name: string): ImageSection | undefined {
    return this.sections.find((s) => s.name === name);
  }

  /** The bytes of a section, at most `most` of them. */
  bytes(section: ImageSection, most = section.size): Buffer {
    return this.source.read(section.offset, Math.min(section.size, most));
  }

  /** The address that a byte of the file was linked for; code first, since segments may share a page of the file. */
  addressOf(offset: number): number | undefined {
    const holds = (s: Segment) => offset >= s.offset && offset < s.offset + s.fileSize;
    const segment = this.segments.find((s) => s.executable && holds(s)) ?? this.segments.find(holds);
    return segment && offset - segment.offset + segment.vaddr;
  }

  /** Where in the file the byte of an address is. */
  offsetOf(address: number): number | undefined {
    const segment = this.segments.find((s) => address >= s.vaddr && address < s.vaddr + s.fileSize);
    return segment && address - segment.vaddr + segment.offset;
  }

  /** The section with code that holds the address. */
  codeAt(address: number): ImageSection | undefined {
    return this.sections.find((s) => s.executable && address >= s.address && address < s.address + s.size);
  }

  /** The linker's fingerprint in hexadecimal, by which separate debug files are found. */
  get buildId(): string | undefined {
    for (const section of this.sections) {
      if (section.type !== SHT_NOTE) continue;
      const notes = this.bytes(section, 4096);
      for (let at = 0; at + 12 <= notes.length; ) {
        const [nameSize, size, type] = [0, 4, 8].map((i) => notes.readUInt32LE(at + i)) as [
          number,
          number,
          number,
        ];
        const data = at + 12 + align4(nameSize);
        const isId = type === NT_GNU_BUILD_ID && notes.toString('latin1', at + 12, at + 15) === 'GNU';
        if (isId && size > 1 && data + size <= notes.length) return notes.toString('hex', data, data + size);
        at = data + align4(size);
      }
    }
    return undefined;
  }
}

function align4(n: number): number {
  return Math.ceil(n / 4) * 4;
}

function readSegments(source: ByteSource, header: Buffer): Segment[] {
  const count = Math.min(header.readUInt16LE(56), MAX_HEADERS);
  const table = source.read(u64(header, 32), count * PROGRAM_HEADER);
  const out: Segment[] = [];
  for (let at = 0; at + PROGRAM_HEADER <= table.length; at += PROGRAM_HEADER) {
    if (table.readUInt32LE(at) !== PT_LOAD) continue;
    out.push({
      executable: (table.readUInt32LE(at + 4) & PF_X) !== 0,
      offset: u64(table, at + 8),
      vaddr: u64(table, at + 16),
      fileSize: u64(table, at + 32),
    });
  }
  return out;
}

function readSections(source: ByteSource, header: Buffer): ImageSection[] {
  const start = u64(header, 40);
  const count = Math.min(header.readUInt16LE(60), MAX_HEADERS);
  if (start <= 0) return [];
  const table = source.read(start, count * SECTION_HEADER);
  const namesAt = header.readUInt16LE(62) * SECTION_HEADER;
  if (namesAt + SECTION_HEADER > table.length) return [];
  const names = source.read(u64(table, namesAt + 24), Math.min(u64(table, namesAt + 32), MAX_NAMES));
  const out: ImageSection[] = [];
  for (let at = 0; at + SECTION_HEADER <= table.length; at += SECTION_HEADER) {
    const name = table.readUInt32LE(at);
    const end = names.indexOf(0, name);
    out.push({
      name: end < 0 ? '' : names.toString('latin1', name, end),
      type: table.readUInt32LE(at + 4),
      executable: (table.readUInt32LE(at + 8) & SHF_EXECINSTR) !== 0,
      address: u64(table, at + 16),
      offset: u64(table, at + 24),
      size: u64(table, at + 32),
      link: table.readUInt32LE(at + 40),
    });
  }
  return out;
}

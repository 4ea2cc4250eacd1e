import { fstatSync, readSync } from 'node:fs';

/** A section, by the section header table. */
export interface Section {
  name: string;
  type: number;
  address: number;
  offset: number;
  size: number;
}

/** A part that the kernel maps (PT_LOAD). */
export interface Segment {
  writable: boolean;
  offset: number;
  address: number;
  fileSize: number;
}

/** More than this is never read of one file, however it is made. */
const BUDGET = 16 * 1024 * 1024;
const MOST_SECTIONS = 512;
const MOST_SEGMENTS = 128;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const SHT_NOBITS = 8;

/**
 * An ELF file read in bounded pieces through a descriptor: the program may be a gigabyte, damaged, or made to hurt.
 * Every offset and size in it is a claim; what points outside the file reads as nothing.
 */
export class ElfFile {
  readonly #fd: number;
  readonly #size: number;
  #left = BUDGET;
  readonly wide: boolean;
  readonly little: boolean;
  readonly segments: readonly Segment[];
  readonly sections: readonly Section[];
  readonly #dynamic: { offset: number; size: number } | undefined;

  private constructor(fd: number, header: Buffer) {
    this.#fd = fd;
    this.#size = fstatSync(fd).size;
    this.wide = header[4] === 2;
    this.little = header[5] === 1;
    const h = new Fields(header, this.wide, this.little);
    const [phoff, shoff] = this.wide ? [h.long(32), h.long(40)] : [h.u32(28), h.u32(32)];
    const at = this.wide ? 54 : 42;
    const [phsize, phnum, shsize, shnum, shstrndx] = [0, 2, 4, 6, 8].map((o) => h.u16(at + o)) as number[];
    const programs = this.#table(phoff, phsize!, Math.min(phnum!, MOST_SEGMENTS), this.wide ? 56 : 32);
    this.segments = programs
      .filter((p) => p.u32(0) === PT_LOAD)
      .map((p) =>
        this.wide
          ? { writable: (p.u32(4) & 2) !== 0, offset: p.long(8), address: p.long(16), fileSize: p.long(32) }
          : { writable: (p.u32(24) & 2) !== 0, offset: p.u32(4), address: p.u32(8), fileSize: p.u32(16) },
      );
    const dynamic = programs.find((p) => p.u32(0) === PT_DYNAMIC);
    this.#dynamic = dynamic && {
      offset: this.wide ? dynamic.long(8) : dynamic.u32(4),
      size: this.wide ? dynamic.long(32) : dynamic.u32(16),
    };
    this.sections = this.#sections(shoff, shsize!, Math.min(shnum!, MOST_SECTIONS), shstrndx!);
  }

  /** @returns undefined when it is not an ELF file. The descriptor stays the caller's. */
  static open(fd: number): ElfFile | undefined {
    const header = Buffer.alloc(64);
    try {
      if (readSync(fd, header, 0, 64, 0) < 52 || header.readUInt32BE(0) !== 0x7f454c46) return undefined;
      return new ElfFile(fd, header);
    } catch {
      return undefined; // cut short while it was read, or an error of the disk
    }
  }

  /** Up to `size` bytes at an offset of the file; fewer at its end, and when too much has been read already. */
  read(offset: number, size: number): Buffer {
    const length = Math.max(0, Math.min(size, this.#size - offset, this.#left));
    if (!Number.isSafeInteger(offset) || offset < 0 || !(length > 0)) return Buffer.alloc(0);
    this.#left -= length;
    const bytes = Buffer.allocUnsafe(length);
    try {
      return bytes.subarray(0, readSync(this.#fd, bytes, 0, length, offset));
    } catch {
      return Buffer.alloc(0); // the disk, or the file system behind it, does not give it
    }
  }

  section(name: string): Section | undefined {
    return this.sections.find((s) => s.name === name);
  }

  /** The beginning of a section. */
  bytesOf(section: Section | undefined, max: number): Buffer {
    if (section === undefined || section.type === SHT_NOBITS) return Buffer.alloc(0);
    return this.read(section.offset, Math.min(section.size, max));
  }

  /** Bytes at an address of the program in memory. */
  atAddress(address: number, size: number): Buffer {
    const segment = this.segments.find((s) => address >= s.address && address < s.address + s.fileSize);
    if (segment === undefined) return Buffer.alloc(0);
    const within = address - segment.address;
    return this.read(segment.offset + within, Math.min(size, segment.fileSize - within));
  }

  fields(bytes: Buffer): Fields {
    return new Fields(bytes, this.wide, this.little);
  }

  /** The libraries that it names (DT_NEEDED). */
  needed(): string[] {
    if (this.#dynamic === undefined) return [];
    const table = this.fields(this.read(this.#dynamic.offset, Math.min(this.#dynamic.size, 64 * 1024)));
    const step = this.wide ? 16 : 8;
    const names: number[] = [];
    let strings = 0;
    for (let at = 0; at + step <= table.length; at += step) {
      const [tag, value] = [table.word(at), table.word(at + step / 2)];
      if (tag === 0) break;
      if (tag === 1) names.push(value);
      if (tag === 5) strings = value;
    }
    return names.slice(0, 256).map((n) => textAt(this.atAddress(strings + n, 256), 0));
  }

  /** A symbol of .dynsym, if it is among the first 40,000. */
  dynamicSymbol(name: string): { address: number; size: number } | undefined {
    const symbols = this.fields(this.bytesOf(this.section('.dynsym'), 1024 * 1024));
    const strings = this.bytesOf(this.section('.dynstr'), 2 * 1024 * 1024);
    const at = strings.indexOf(`\0${name}\0`, 0, 'latin1') + 1;
    if (at === 0) return undefined;
    const step = this.wide ? 24 : 16;
    for (let o = 0; o + step <= symbols.length; o += step) {
      if (symbols.u32(o) !== at) continue;
      const [address, size] = this.wide
        ? [symbols.long(o + 8), symbols.long(o + 16)]
        : [symbols.u32(o + 4), symbols.u32(o + 8)];
      return { address, size };
    }
    return undefined;
  }

  #table(offset: number, size: number, count: number, least: number): Fields[] {
    if (size < least) return [];
    const bytes = this.read(offset, size * count);
    const found: Fields[] = [];
    for (let at = 0; at + size <= bytes.length; at += size)
      found.push(this.fields(bytes.subarray(at, at + size)));
    return found;
  }

  #sections(offset: number, size: number, count: number, names: number): Section[] {
    const rows = this.#table(offset, size, count, this.wide ? 64 : 40);
    const found = rows.map((r) => ({
      at: r.u32(0),
      name: '',
      type: r.u32(4),
      address: this.wide ? r.long(16) : r.u32(12),
      offset: this.wide ? r.long(24) : r.u32(16),
      size: this.wide ? r.long(32) : r.u32(20),
    }));
    const strings = this.bytesOf(found[names], 256 * 1024);
    return found.map(({ at, ...rest }) => ({ ...rest, name: textAt(strings, at) }));
  }
}

/** Numbers in the byte order and width of a file. Outside of the bytes everything is 0. */
export class Fields {
  readonly #view: DataView;
  readonly #wide: boolean;
  readonly #little: boolean;

  constructor(bytes: Buffer, wide: boolean, little: boolean) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#wide = wide;
    this.#little = little;
  }

  get length(): number {
    return this.#view.byteLength;
  }

  u16(at: number): number {
    return at + 2 <= this.length ? this.#view.getUint16(at, this.#little) : 0;
  }

  u32(at: number): number {
    return at + 4 <= this.length ? this.#view.getUint32(at, this.#little) : 0;
  }

  /** 64 bits; beyond 2^53 it is no offset of anything and inexact. */
  long(at: number): number {
    return at + 8 <= this.length ? Number(this.#view.getBigUint64(at, this.#little)) : 0;
  }

  /** An address: 64 or 32 bits. */
  word(at: number): number {
    return this.#wide ? this.long(at) : this.u32(at);
  }
}

/** A text that ends in NUL. */
export function textAt(bytes: Buffer, at: number): string {
  if (at >= bytes.length) return '';
  const end = bytes.indexOf(0, at);
  return bytes.toString('utf8', at, end < 0 ? bytes.length : end);
}

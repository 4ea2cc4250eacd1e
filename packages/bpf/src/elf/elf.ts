import { BpfError } from '../errors.ts';
import { EM_BPF, machineName } from './machines.ts';
import { ElfReader, elfInvalid, NameTable } from './reader.ts';
import {
  type ElfRelocation,
  type ElfSection,
  type ElfSymbol,
  type ElfSymbolBinding,
  type ElfSymbolType,
  SHT_NOBITS,
  SHT_REL,
  SHT_SYMTAB,
} from './types.ts';

// Layouts: "ELF-64 Object File Format" 1.5, and elf(5).
const SECTION_HEADER = 64;
const SYMBOL = 24;
const RELOCATION = 16;
const SYMBOL_TYPES: readonly ElfSymbolType[] = ['notype', 'object', 'func', 'section', 'file'];
const SYMBOL_BINDINGS: readonly ElfSymbolBinding[] = ['local', 'global', 'weak'];
const COMPILE_HINT = 'Compile it with clang -target bpf -g -O2 -c, or with "skep build".';

/**
 * A BPF object file: ELF64, little-endian, machine BPF, read from memory without touching the kernel.
 *
 * ```ts
 * const elf = Elf.parse(readFileSync('probe.o'));
 * elf.sections.map((s) => s.name);   // ['', '.strtab', '.text', 'tracepoint/oom/mark_victim', '.maps', …]
 * ```
 */
export class Elf {
  readonly machine = 'bpf';
  readonly littleEndian = true;
  readonly sections: readonly ElfSection[];
  /** All symbols in the order of the file's symbol table, the empty first one included. */
  readonly symbols: readonly ElfSymbol[];
  readonly #byName = new Map<string, ElfSection>();
  readonly #references = new Map<ElfSection, ReadonlyMap<number, ElfSymbol>>();

  private constructor(sections: ElfSection[], symbols: ElfSymbol[]) {
    this.sections = sections;
    this.symbols = symbols;
    for (const s of sections) if (s.name !== '' && !this.#byName.has(s.name)) this.#byName.set(s.name, s);
  }

  /**
   * Reads a whole object; section bytes are views into `bytes`.
   *
   * @throws {BpfError} `SKEP_ELF_INVALID` when it is no ELF file or damaged, `SKEP_ELF_ENDIAN` when it is
   * big-endian, `SKEP_ELF_MACHINE` when it is for another machine (the sentence names it).
   */
  static parse(bytes: Uint8Array): Elf {
    const reader = new ElfReader(bytes);
    checkHeader(reader);
    const sections = readSections(reader);
    return new Elf(sections, readSymbols(sections));
  }

  /** The first section of that name. */
  section(name: string): ElfSection | undefined {
    return this.#byName.get(name);
  }

  /**
   * The function that is a program of that name: libbpf takes no static ones, and those in `.text` for what programs call. A
   * linked object may have others of the same name.
   */
  program(name: string): ElfSymbol | undefined {
    return this.symbols.find(
      (s) =>
        s.name === name &&
        s.type === 'func' &&
        s.binding !== 'local' &&
        s.section > 0 &&
        this.sections[s.section]?.name !== '.text',
    );
  }

  /** The relocations of a section, from all SHT_REL sections that point at it. */
  relocations(section: ElfSection): ElfRelocation[] {
    const out: ElfRelocation[] = [];
    for (const rel of this.sections) {
      if (rel.type !== SHT_REL || rel.info !== section.index) continue;
      const reader = new ElfReader(rel.data);
      for (let at = 0; at + RELOCATION <= rel.data.length; at += RELOCATION) {
        const symbol = this.symbols[reader.u32(at + 12, 'relocation')];
        if (!symbol) throw elfInvalid(`a relocation of section "${section.name}" names no symbol`);
        out.push({ offset: reader.u64(at, 'relocation'), type: reader.u32(at + 8, 'relocation'), symbol });
      }
    }
    return out;
  }

  /** The symbols that a section of code refers to, by byte; read once. */
  references(section: ElfSection): ReadonlyMap<number, ElfSymbol> {
    const known =
      this.#references.get(section) ?? new Map(this.relocations(section).map((r) => [r.offset, r.symbol]));
    this.#references.set(section, known);
    return known;
  }
}

function checkHeader(reader: ElfReader): void {
  const { bytes } = reader;
  if (bytes.length < 4 || bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) {
    throw elfInvalid(
      bytes.length === 0 ? 'the file is empty' : 'it does not begin with the ELF magic',
      COMPILE_HINT,
    );
  }
  if (bytes.length < 64) throw elfInvalid('the file ends within the ELF header');
  const wide = bytes[4] === 2;
  if ((!wide && bytes[4] !== 1) || (bytes[5] !== 1 && bytes[5] !== 2))
    throw elfInvalid('unknown class or byte order');
  const big = bytes[5] === 2;
  const machine = big ? bytes[18]! * 256 + bytes[19]! : reader.u16(18, 'machine');
  if (big) {
    throw new BpfError('SKEP_ELF_ENDIAN', `The object is big-endian (${machineName(machine)}).`, {
      hint: 'This machine is little-endian: compile with -target bpfel (or bpf) instead of bpfeb.',
    });
  }
  if (machine !== EM_BPF || !wide) {
    const what = machineName(machine) + (wide ? '' : ', 32-bit');
    throw new BpfError('SKEP_ELF_MACHINE', `The object is for ${what}, not for BPF.`, { hint: COMPILE_HINT });
  }
}

function readSections(reader: ElfReader): ElfSection[] {
  const start = reader.u64(40, 'section table offset');
  if (start === 0) return [];
  if (reader.u16(58, 'section header size') !== SECTION_HEADER) throw elfInvalid('odd section header size');
  // With 0xff00 sections and more, the real numbers are in section 0 (elf(5), e_shnum and e_shstrndx).
  const count = reader.u16(60, 'section count') || reader.u64(start + 32, 'section count');
  const nameField = reader.u16(62, 'name section');
  const names = nameField === 0xffff ? reader.u32(start + 40, 'name section') : nameField;
  reader.slice(start, count * SECTION_HEADER, 'section table');
  const nameHeader = start + names * SECTION_HEADER;
  if (names >= count) throw elfInvalid('its section name table does not exist');
  const strings = new NameTable(sectionBytes(reader, nameHeader, 'section name table'));
  const sections: ElfSection[] = [];
  for (let index = 0; index < count; index++) {
    const at = start + index * SECTION_HEADER;
    const name = strings.at(reader.u32(at, 'section'), `section ${index}`);
    const data = index === 0 ? new Uint8Array(0) : sectionBytes(reader, at, `section "${name}"`);
    sections.push({
      index,
      name,
      type: reader.u32(at + 4, name),
      flags: reader.u32(at + 8, name),
      size: index === 0 ? 0 : reader.u64(at + 32, name),
      link: reader.u32(at + 40, name),
      info: reader.u32(at + 44, name),
      data,
    });
  }
  return sections;
}

function sectionBytes(reader: ElfReader, header: number, what: string): Uint8Array {
  if (reader.u32(header + 4, what) === SHT_NOBITS) return new Uint8Array(0);
  return reader.slice(reader.u64(header + 24, what), reader.u64(header + 32, what), what);
}

function readSymbols(sections: ElfSection[]): ElfSymbol[] {
  const table = sections.find((s) => s.type === SHT_SYMTAB);
  if (!table) return [];
  const strings = sections[table.link]?.data;
  if (!strings) throw elfInvalid('its symbol table has no string table');
  const names = new NameTable(strings);
  const reader = new ElfReader(table.data);
  const symbols: ElfSymbol[] = [];
  for (let at = 0; at + SYMBOL <= table.data.length; at += SYMBOL) {
    const info = table.data[at + 4]!;
    const type = SYMBOL_TYPES[info & 0xf] ?? 'other';
    const section = reader.u16(at + 6, 'symbol');
    const name = names.at(reader.u32(at, 'symbol'), `symbol ${symbols.length}`);
    symbols.push({
      // Section symbols have no name of their own.
      name: name === '' && type === 'section' ? (sections[section]?.name ?? '') : name,
      value: reader.u64(at + 8, 'symbol'),
      size: reader.u64(at + 16, 'symbol'),
      type,
      binding: SYMBOL_BINDINGS[info >> 4] ?? 'other',
      section,
    });
  }
  return symbols;
}

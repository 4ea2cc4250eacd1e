/** A section header of ELF64 (elf(5)), as far as it is needed. */
interface Section {
  /** Where its header lies in the file. */
  readonly header: number;
  readonly nameOffset: number;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

const SHT_SYMTAB = 2;
const SHF_EXECINSTR = 4;
const STT_FUNC = 2;
const STB_GLOBAL = 1;

/**
 * Changes names in a BPF object without moving anything in it: new strings and a new `.BTF` are put behind the end of the
 * file, and headers point there. The object must have been read before, so that its headers are known to be sound.
 */
export class ElfEditor {
  #file: Buffer;

  constructor(bytes: Uint8Array) {
    this.#file = Buffer.from(bytes);
  }

  get bytes(): Uint8Array {
    return this.#file;
  }

  /** The content of a section; a view into the file. */
  content(name: string): Buffer | undefined {
    const section = this.#sections().find((s) => this.#name(s) === name);
    return section && this.#file.subarray(section.offset, section.offset + section.size);
  }

  /** Gives a section other content. */
  replace(name: string, content: Uint8Array): void {
    const section = this.#sections().find((s) => this.#name(s) === name);
    if (section) this.#point(section, content);
  }

  /** Calls a symbol something else. */
  renameSymbol(from: string, to: string): void {
    const symbols = this.#sections().find((s) => s.type === SHT_SYMTAB);
    if (!symbols) return;
    for (let at = symbols.offset; at < symbols.offset + symbols.size; at += 24) {
      const strings = this.#sections()[symbols.link] as Section;
      if (this.#text(strings, this.#file.readUInt32LE(at)) !== from) continue;
      const old = this.#file.subarray(strings.offset, strings.offset + strings.size);
      this.#point(strings, Buffer.concat([old, Buffer.from(`${to}\0`)]));
      this.#file.writeUInt32LE(old.length, at);
    }
  }

  /** Calls a section something else, and so its relocations. */
  renameSection(from: string, to: string): void {
    for (const prefix of ['', '.rel', '.rela']) {
      const section = this.#sections().find((s) => this.#name(s) === prefix + from);
      if (!section) continue;
      // A name of its own at the end: the old one may be the end of another's, or a symbol's.
      const strings = this.#sections()[this.#file.readUInt16LE(0x3e)] as Section;
      const old = this.#file.subarray(strings.offset, strings.offset + strings.size);
      this.#point(strings, Buffer.concat([old, Buffer.from(`${prefix}${to}\0`)]));
      this.#file.writeUInt32LE(old.length, section.header);
    }
  }

  /**
   * Makes the local functions of all sections global but those of `.text`, which are called and no programs. They stay
   * among the local symbols, where a linker would not want them and libbpf does not mind.
   */
  makeFunctionsGlobal(): void {
    const sections = this.#sections();
    const symbols = sections.find((s) => s.type === SHT_SYMTAB);
    if (!symbols) return;
    for (let at = symbols.offset; at < symbols.offset + symbols.size; at += 24) {
      const section = sections[this.#file.readUInt16LE(at + 6)];
      const isProgram = section && section.flags & SHF_EXECINSTR && this.#name(section) !== '.text';
      if (isProgram && this.#file[at + 4] === STT_FUNC) this.#file[at + 4] = (STB_GLOBAL << 4) | STT_FUNC;
    }
  }

  #point(section: Section, content: Uint8Array): void {
    const padding = Buffer.alloc((8 - (this.#file.length % 8)) % 8);
    const offset = this.#file.length + padding.length;
    this.#file = Buffer.concat([this.#file, padding, content]);
    this.#file.writeBigUInt64LE(BigInt(offset), section.header + 24);
    this.#file.writeBigUInt64LE(BigInt(content.length), section.header + 32);
  }

  #sections(): Section[] {
    const f = this.#file;
    const start = Number(f.readBigUInt64LE(0x28));
    return Array.from({ length: f.readUInt16LE(0x3c) }, (_, i) => {
      const header = start + i * f.readUInt16LE(0x3a);
      return {
        header,
        nameOffset: f.readUInt32LE(header),
        type: f.readUInt32LE(header + 4),
        flags: Number(f.readBigUInt64LE(header + 8)),
        offset: Number(f.readBigUInt64LE(header + 24)),
        size: Number(f.readBigUInt64LE(header + 32)),
        link: f.readUInt32LE(header + 40),
      };
    });
  }

  #name(section: Section): string {
    return this.#text(this.#sections()[this.#file.readUInt16LE(0x3e)] as Section, section.nameOffset);
  }

  #text(strings: Section, offset: number): string {
    const from = strings.offset + offset;
    return this.#file.toString('latin1', from, this.#file.indexOf(0, from));
  }
}

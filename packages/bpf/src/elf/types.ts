/** Section types used here (elf.h: SHT_*). */
export const SHT_SYMTAB = 2;
export const SHT_NOBITS = 8;
export const SHT_REL = 9;

/** One section of an object. */
export interface ElfSection {
  readonly index: number;
  readonly name: string;
  /** SHT_* */
  readonly type: number;
  /** SHF_* (the low 32 bits). */
  readonly flags: number;
  /** Size in bytes; for NOBITS sections (`.bss`) without bytes in the file. */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  /** The bytes, a view into the file; empty for NOBITS. */
  readonly data: Uint8Array;
}

export type ElfSymbolType = 'notype' | 'object' | 'func' | 'section' | 'file' | 'other';
export type ElfSymbolBinding = 'local' | 'global' | 'weak' | 'other';

/** One symbol; its index in {@link Elf.symbols} is its index in the file's symbol table. */
export interface ElfSymbol {
  readonly name: string;
  /** Offset in bytes from the start of its section. */
  readonly value: number;
  readonly size: number;
  readonly type: ElfSymbolType;
  readonly binding: ElfSymbolBinding;
  /** Index of its section; 0 when undefined (an extern), 0xfff1 when absolute. */
  readonly section: number;
}

/** One entry of a SHT_REL section. */
export interface ElfRelocation {
  /** Offset in bytes into the section that it changes. */
  readonly offset: number;
  readonly type: number;
  readonly symbol: ElfSymbol;
}

import { textAt, u64 } from './bytes.ts';
import type { ElfImage, ImageSection } from './elf-image.ts';
import type { FunctionTable, KnownFunction } from './types.ts';

// src/internal/abi/symtab.go: PCLnTabMagic. 1.2 to 1.15 had another layout.
const GO_1_16 = 0xfffffffa;
const GO_1_18 = 0xfffffff0;
const GO_1_20 = 0xfffffff1;
const HEADER = 72;
/** More than any program has. */
const MAX_FUNCTIONS = 4_000_000;
/** Where `text` is in runtime.moduledata (src/runtime/symtab.go), Go 1.18 and later. */
const MODULE_DATA_TEXT = 176;
/** Sections that moduledata lies in: its own since Go 1.26, before among the data. */
const MODULE_DATA_SECTIONS = ['.go.module', '.noptrdata', '.data', '.data.rel.ro'];
const MAX_SEARCH = 64 << 20;

interface Layout {
  readonly functions: number;
  /** Address that entries count from. */
  readonly text: number;
  /** Offsets in the section. */
  readonly names: number;
  readonly table: number;
  /** Bytes of an entry's address and of its offset. */
  readonly word: 4 | 8;
}

/**
 * The functions of a Go program (1.16 and later) by `.gopclntab`, which the runtime itself needs to print stacks and
 * which therefore is there in stripped programs too. 8 bytes a function are kept; names stay in the file.
 *
 * Source: src/internal/abi/symtab.go, src/debug/gosym/pclntab.go of Go.
 */
export class GoSymbols implements FunctionTable {
  readonly #image: ElfImage;
  readonly #section: ImageSection;
  readonly #layout: Layout;
  readonly #table: Buffer;

  private constructor(image: ElfImage, section: ImageSection, layout: Layout, table: Buffer) {
    this.#image = image;
    this.#section = section;
    this.#layout = layout;
    this.#table = table;
  }

  /** Undefined for a program that is not Go's, or whose table is of a version that is not known. */
  static read(image: ElfImage): GoSymbols | undefined {
    const section = image.section('.gopclntab') ?? image.section('.data.rel.ro.gopclntab');
    if (!section) return undefined;
    const layout = readLayout(image, section);
    if (!layout) return undefined;
    const { functions, word, table } = layout;
    // One more: where the last function ends.
    const bytes = image.source.read(section.offset + table, (functions * 2 + 1) * word);
    if (bytes.length < (functions * 2 + 1) * word) return undefined;
    const found = new GoSymbols(image, section, layout, bytes);
    const text = layout.text >= 0 ? layout.text : found.#textStart();
    return text === undefined ? undefined : new GoSymbols(image, section, { ...layout, text }, bytes);
  }

  get size(): number {
    return this.#layout.functions;
  }

  find(address: number): KnownFunction | undefined {
    const { functions, text } = this.#layout;
    const wanted = address - text;
    if (wanted < this.#entry(0) || wanted >= this.#entry(functions)) return undefined;
    let low = 0;
    let high = functions;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entry(middle) <= wanted) low = middle + 1;
      else high = middle;
    }
    const name = this.#name(low - 1);
    return name === '' ? undefined : { name, start: this.#entry(low - 1) + text };
  }

  #entry(i: number): number {
    const { word } = this.#layout;
    const at = i * 2 * word;
    return word === 4 ? this.#table.readUInt32LE(at) : u64(this.#table, at);
  }

  #name(i: number): string {
    const { word, table, names } = this.#layout;
    const at = (i * 2 + 1) * word;
    const record = table + (word === 4 ? this.#table.readUInt32LE(at) : u64(this.#table, at));
    const { source } = this.#image;
    // A record begins with its entry (as wide as the table's) and goes on with the name's offset.
    const bytes = source.read(this.#section.offset + record + word, 4);
    return bytes.length < 4 ? '' : textAt(source, this.#section.offset + names + bytes.readUInt32LE(0));
  }

  /**
   * Where the text begins, which headers do not say since Go 1.26. By the program's entry, which is a function of the
   * runtime where Go's own linker made the program; by runtime.moduledata where another did (cgo).
   */
  #textStart(): number | undefined {
    const { entry } = this.#image;
    const code = this.#image.codeAt(entry);
    if (code && this.#isStart(entry, code.address)) return code.address;
    const byData = moduleText(this.#image, this.#section.address);
    if (byData !== undefined) return byData;
    const text = this.#image.section('.text');
    // Go's code alone fills the section.
    return text && this.#entry(this.#layout.functions) > text.size - 4096 ? text.address : undefined;
  }

  #isStart(entry: number, text: number): boolean {
    const at = new GoSymbols(this.#image, this.#section, { ...this.#layout, text }, this.#table).find(entry);
    return at !== undefined && at.start === entry && at.name.startsWith('_rt0_');
  }
}

function readLayout(image: ElfImage, section: ImageSection): Layout | undefined {
  const header = image.bytes(section, HEADER);
  if (header.length < HEADER) return undefined;
  const magic = header.readUInt32LE(0);
  if (header[7] !== 8) return undefined;
  const word = (i: number): number => u64(header, 8 + i * 8);
  const functions = word(0);
  if (functions < 1 || functions > MAX_FUNCTIONS) return undefined;
  // nfunc, nfiles, [textStart], funcnameOffset, cuOffset, filetabOffset, pctabOffset, pclnOffset
  if (magic === GO_1_16) return { functions, text: 0, names: word(2), table: word(6), word: 8 };
  if (magic !== GO_1_18 && magic !== GO_1_20) return undefined;
  return { functions, text: word(2) || -1, names: word(3), table: word(7), word: 4 };
}

/** `text` of the moduledata that points at this table with its first word. */
function moduleText(image: ElfImage, pclntab: number): number | undefined {
  const wanted = Buffer.alloc(8);
  wanted.writeBigUInt64LE(BigInt(pclntab));
  for (const name of MODULE_DATA_SECTIONS) {
    const section = image.section(name);
    if (!section) continue;
    const bytes = image.bytes(section, MAX_SEARCH);
    for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) {
      if (at % 8 !== 0 || at + MODULE_DATA_TEXT + 8 > bytes.length) continue;
      const text = u64(bytes, at + MODULE_DATA_TEXT);
      if (image.codeAt(text)) return text;
    }
  }
  return undefined;
}

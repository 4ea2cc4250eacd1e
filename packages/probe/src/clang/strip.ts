import { ProbeError } from '../errors.ts';
import { StringTable } from './string-table.ts';

const HEADER = 64;
const SECTION = 64;
const SYMBOL = 24;
const REL = 16;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SHT_REL = 9;

interface Section {
  name: string;
  header: Uint8Array;
  view: DataView;
  data: Uint8Array;
}

/**
 * Takes DWARF out of a BPF object and leaves BTF: `.debug_*` sections, their relocations and symbols, and clang's
 * address-significance table. An object shrinks from megabytes to kilobytes.
 *
 * Own code and not `llvm-strip`, because an object's digest must not depend on whether the llvm tools are installed
 * beside clang (in Debian they are another package), nor on their version. Layout: elf(5), ELF64 little-endian.
 *
 * @throws {ProbeError} `SKEP_OBJECT_INVALID` when it is not what clang writes
 */
export function stripDwarf(file: Uint8Array): Uint8Array {
  // A copy, and no Buffer: slice() of a Buffer shares memory.
  const object = new Uint8Array(file);
  const sections = readSections(object);
  const keep = sections.map((s) => !isDebug(s) && !isDropped(relocated(s, sections)));
  const newIndex = numbering(keep);
  const symtab = sections.find((s) => s.view.getUint32(4, true) === SHT_SYMTAB);
  const strings = new StringTable();
  if (symtab) rewriteSymbols(symtab, sections, newIndex, strings);
  const kept = sections.filter((_, i) => keep[i]);
  for (const s of kept) {
    s.view.setUint32(0, strings.add(s.name), true);
    s.view.setUint32(40, newIndex[s.view.getUint32(40, true)] ?? 0, true);
    if (s.view.getUint32(4, true) === SHT_REL) {
      s.view.setUint32(44, newIndex[s.view.getUint32(44, true)] ?? 0, true);
    }
  }
  const nameSection = new DataView(object.buffer).getUint16(62, true);
  // One table for both, as clang has it: also when another compiler kept symbol names in a table of their own.
  symtab?.view.setUint32(40, newIndex[nameSection]!, true);
  sections[nameSection]!.data = strings.bytes();
  return write(object.subarray(0, HEADER), kept, newIndex[nameSection]!);
}

function isDebug(s: Section | undefined): boolean {
  return s !== undefined && (s.name.startsWith('.debug_') || s.name === '.llvm_addrsig');
}

/**
 * Of `.BTF.ext` too, though it stays: what its relocations would add is 0, so libbpf passes over them and its linker leaves them
 * out, but each names a symbol, and there is one for each source line.
 */
function isDropped(s: Section | undefined): boolean {
  return isDebug(s) || s?.name === '.BTF.ext';
}

function relocated(s: Section, all: Section[]): Section | undefined {
  return s.view.getUint32(4, true) === SHT_REL ? all[s.view.getUint32(44, true)] : undefined;
}

function numbering(keep: boolean[]): (number | undefined)[] {
  let next = 0;
  return keep.map((kept) => (kept ? next++ : undefined));
}

function readSections(object: Uint8Array): Section[] {
  try {
    const view = new DataView(object.buffer);
    const start = Number(view.getBigUint64(40, true));
    const sections: Section[] = [];
    for (let i = 0; i < view.getUint16(60, true); i++) {
      const header = object.slice(start + i * SECTION, start + (i + 1) * SECTION);
      const headerView = new DataView(header.buffer);
      const offset = Number(headerView.getBigUint64(24, true));
      const size =
        headerView.getUint32(4, true) === SHT_NOBITS ? 0 : Number(headerView.getBigUint64(32, true));
      sections.push({ name: '', header, view: headerView, data: object.slice(offset, offset + size) });
    }
    const names = sections[view.getUint16(62, true)]!.data;
    for (const s of sections) s.name = cString(names, s.view.getUint32(0, true));
    return sections;
  } catch (cause) {
    throw new ProbeError('SKEP_OBJECT_INVALID', 'The compiler wrote something that is not an ELF object.', {
      hint: 'Check that clang can build for -target bpf.',
      cause,
    });
  }
}

/**
 * Leaves out the symbols of dropped sections and labels that no relocation names (clang's, of jumps), renumbers the rest, and
 * corrects every relocation that names one.
 */
function rewriteSymbols(
  symtab: Section,
  sections: Section[],
  newIndex: (number | undefined)[],
  strings: StringTable,
): void {
  const oldNames = sections[symtab.view.getUint32(40, true)]!.data;
  const named = new Set(sections.flatMap((s, i) => (newIndex[i] === undefined ? [] : symbolsIn(s))));
  const out: Uint8Array[] = [];
  const moved: number[] = [];
  let locals = 0;
  for (let i = 0; i * SYMBOL < symtab.data.length; i++) {
    const symbol = symtab.data.slice(i * SYMBOL, (i + 1) * SYMBOL);
    const view = new DataView(symbol.buffer);
    const section = view.getUint16(6, true);
    const reserved = section === 0 || section >= 0xff00;
    moved[i] = 0;
    if (!reserved && newIndex[section] === undefined) continue;
    // Local and of no type.
    if (!reserved && symbol[4] === 0 && !named.has(i)) continue;
    if (!reserved) view.setUint16(6, newIndex[section]!, true);
    view.setUint32(0, strings.add(cString(oldNames, view.getUint32(0, true))), true);
    moved[i] = out.length;
    out.push(symbol);
    if (symbol[4]! >> 4 === 0) locals = out.length;
  }
  symtab.data = Buffer.concat(out);
  symtab.view.setUint32(44, locals, true);
  for (const s of sections) {
    if (s.view.getUint32(4, true) !== SHT_REL) continue;
    const view = new DataView(s.data.buffer, s.data.byteOffset, s.data.byteLength);
    for (let at = 0; at + REL <= s.data.length; at += REL) {
      view.setUint32(at + 12, moved[view.getUint32(at + 12, true)] ?? 0, true);
    }
  }
}

/** Numbers of the symbols that a section of relocations names. */
function symbolsIn({ view, data }: Section): number[] {
  if (view.getUint32(4, true) !== SHT_REL) return [];
  const words = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: Math.floor(data.length / REL) }, (_, i) => words.getUint32(i * REL + 12, true));
}

/** The same object with other content of some sections. */
export function replaceSections(file: Uint8Array, contents: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const object = new Uint8Array(file);
  const sections = readSections(object);
  for (const s of sections) s.data = contents.get(s.name) ?? s.data;
  return write(object.subarray(0, HEADER), sections, new DataView(object.buffer).getUint16(62, true));
}

function write(oldHeader: Uint8Array, sections: Section[], nameSection: number): Uint8Array {
  const parts: Uint8Array[] = [new Uint8Array(HEADER)];
  let at = HEADER;
  const pad = (alignment: number): void => {
    const gap = (alignment - (at % alignment)) % alignment;
    parts.push(new Uint8Array(gap));
    at += gap;
  };
  for (const [i, s] of sections.entries()) {
    if (i === 0) continue;
    pad(Math.max(1, Number(s.view.getBigUint64(48, true))));
    s.view.setBigUint64(24, BigInt(at), true);
    if (s.view.getUint32(4, true) !== SHT_NOBITS) s.view.setBigUint64(32, BigInt(s.data.length), true);
    parts.push(s.data);
    at += s.data.length;
  }
  pad(8);
  const header = oldHeader.slice();
  const view = new DataView(header.buffer);
  view.setBigUint64(40, BigInt(at), true);
  view.setUint16(60, sections.length, true);
  view.setUint16(62, nameSection, true);
  parts[0] = header;
  for (const s of sections) parts.push(s.header);
  return new Uint8Array(Buffer.concat(parts));
}

function cString(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  return Buffer.from(bytes.subarray(at, end < 0 ? undefined : end)).toString('latin1');
}

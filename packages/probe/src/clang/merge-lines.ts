import { Elf } from '@skep/bpf';
import { replaceSections } from './strip.ts';

/** Bytes of .BTF.ext before its tables' places: magic, version, flags, its own length. */
const PLACES = 8;
const COLUMN_BITS = 10;

/**
 * Leaves out of `.BTF.ext` the entries that say nothing but another column of the line before, a third of a large probe's, and
 * those of no line (clang's 0, between two). The instructions behind an entry are of its line until the next, so each keeps its
 * line. The first of each function stays, as the kernel insists (check_btf_line() of kernel/bpf/verifier.c). Columns, which the
 * verifier does not tell, become 0: as many as there are, they are what compresses least. Layout: btf.rst, "BTF.ext section".
 *
 * @param object an ELF file as clang writes it, `.BTF.ext` included, whose relocations {@link stripDwarf} has taken out
 */
export function mergeLines(object: Uint8Array): Uint8Array {
  const ext = Elf.parse(object).section('.BTF.ext')?.data;
  if (!ext) return object;
  const view = new DataView(ext.buffer, ext.byteOffset, ext.byteLength);
  const size = view.getUint32(4, true);
  const tables: Uint8Array[] = [];
  for (let at = PLACES; at < size; at += 8) {
    const start = size + view.getUint32(at, true);
    tables.push(ext.subarray(start, start + view.getUint32(at + 4, true)));
  }
  const [functions, lines] = tables;
  if (!functions || !lines || lines.length === 0) return object;
  tables[1] = merged(lines, starts(functions));
  const header = new Uint8Array(ext.subarray(0, size));
  const places = new DataView(header.buffer);
  let offset = 0;
  for (const [i, { length }] of tables.entries()) {
    places.setUint32(PLACES + i * 8, offset, true);
    places.setUint32(PLACES + i * 8 + 4, length, true);
    offset += length;
  }
  return replaceSections(object, new Map([['.BTF.ext', Buffer.concat([header, ...tables])]]));
}

/** The entries of a table, each with where it is and the number of its section's name. */
function* entries(table: Uint8Array): Generator<{ section: number; at: number; view: DataView }> {
  if (table.length === 0) return;
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const size = view.getUint32(0, true);
  for (let at = 4; at < table.length; ) {
    const section = view.getUint32(at, true);
    const count = view.getUint32(at + 4, true);
    at += 8;
    for (let i = 0; i < count; i++, at += size) yield { section, at, view };
  }
}

/** Where functions begin: clang has each name of a section once among its strings. */
function starts(functions: Uint8Array): Set<string> {
  return new Set(
    [...entries(functions)].map(({ section, at, view }) => `${section}:${view.getUint32(at, true)}`),
  );
}

function merged(table: Uint8Array, functions: ReadonlySet<string>): Uint8Array {
  // A copy, and no Buffer: slice() of a Buffer shares memory.
  const lines = new Uint8Array(table);
  const size = new DataView(lines.buffer).getUint32(0, true);
  const bySection = new Map<number, Uint8Array[]>();
  let before = '';
  for (const { section, at, view } of entries(lines)) {
    const kept = bySection.get(section) ?? [];
    bySection.set(section, kept);
    // struct bpf_line_info: instruction, file, text, line << 10 | column
    const number = view.getUint32(at + 12, true) >>> COLUMN_BITS;
    const line = `${section} ${view.getUint32(at + 4, true)} ${number}`;
    const first = functions.has(`${section}:${view.getUint32(at, true)}`);
    if (!first && (number === 0 || line === before)) continue;
    const entry = lines.slice(at, at + size);
    new DataView(entry.buffer).setUint32(12, number << COLUMN_BITS, true);
    kept.push(entry);
    before = line;
  }
  const out: Uint8Array[] = [lines.subarray(0, 4)];
  for (const [section, kept] of bySection)
    out.push(new Uint8Array(Uint32Array.of(section, kept.length).buffer), Buffer.concat(kept));
  return Buffer.concat(out);
}

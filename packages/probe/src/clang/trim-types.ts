import { type Btf, coreRelocations, type Elf, parseObject, relocationSubject } from '@skep/bpf';
import { StringTable } from './string-table.ts';
import { replaceSections } from './strip.ts';

/** Bytes of a BTF type behind its first three words: of its own, and for each member (btf.rst). */
const OWN: Readonly<Record<number, number>> = { 1: 4, 3: 12, 14: 4, 17: 4 };
const PER_MEMBER: Readonly<Record<number, number>> = { 4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12 };
const DATASEC = 15;
const REL = 16;

/**
 * Takes out of an object's BTF what it says of the kernel and nobody asks: of structures that are there only for CO-RE
 * relocations, the members that none of them names. clang writes down the 248 members of a task_struct for the one that is
 * read. Types keep their numbers, sizes, and members their places; what variables and maps are made of stays whole, and so does
 * what is tagged or asked for as a whole (`bpf_core_type_matches`).
 *
 * @param object an ELF file as {@link stripDwarf} leaves it
 * @throws {BpfError} `SKEP_BTF_INVALID` for types that contradict themselves
 */
export function trimTypes(object: Uint8Array): Uint8Array {
  const { elf, btf } = parseObject(object, 'the object');
  const kept = keptMembers(elf, btf);
  const types = elf.section('.BTF')?.data;
  const ext = elf.section('.BTF.ext')?.data;
  if (kept.size === 0 || !types || !ext) return object;
  const strings = new StringTable();
  const { bytes, places } = rewriteTypes(types, kept, strings);
  const accesses = coreRelocations(elf, btf).map((r) =>
    relocationSubject(r.kind) === 'field' ? accessIn(btf, r.typeId, r.access, kept) : r.access,
  );
  const changed = new Map<string, Uint8Array>();
  changed.set('.BTF.ext', rewriteExt(ext, types, accesses, strings));
  changed.set('.BTF', withStrings(types, bytes, strings));
  const relocations = elf.section('.rel.BTF')?.data;
  if (relocations) changed.set('.rel.BTF', moved(relocations, places));
  return replaceSections(object, changed);
}

/** By type, the members that stay, of those that lose some. */
function keptMembers(elf: Elf, btf: Btf): Map<number, number[]> {
  const [whole, kernel] = [new Set<number>(), new Set<number>()];
  const asked = new Map<number, Set<number>>();
  for (const kind of ['var', 'decl_tag'] as const) for (const id of btf.ids(kind)) reach(btf, id, whole);
  for (const { kind, typeId, access } of coreRelocations(elf, btf)) {
    const subject = relocationSubject(kind);
    if (subject === 'type') reach(btf, typeId, whole);
    if (subject !== 'field') continue;
    reach(btf, typeId, kernel);
    walk(btf, typeId, access, (struct, index) => {
      const members = asked.get(struct) ?? new Set();
      asked.set(struct, members.add(index));
    });
  }
  const kept = new Map<number, number[]>();
  for (const id of kernel) {
    const t = btf.type(id);
    if (whole.has(id) || (t.kind !== 'struct' && t.kind !== 'union')) continue;
    const own = [...(asked.get(id) ?? [])].sort((a, b) => a - b);
    if (own.length < t.members.length) kept.set(id, own);
  }
  return kept;
}

/** All that a type is made of and points to. */
function reach(btf: Btf, from: number, into: Set<number>): void {
  const open = [from];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === 0 || into.has(id)) continue;
    into.add(id);
    const t = btf.type(id);
    if ('type' in t) open.push(t.type);
    if (t.kind === 'array') open.push(t.element);
    if (t.kind === 'struct' || t.kind === 'union') open.push(...t.members.map((m) => m.type));
    if (t.kind === 'func_proto') open.push(t.returns, ...t.parameters.map((p) => p.type));
  }
}

/** Goes along the members and elements that an access names; `visit` may give a member another number. */
function walk(
  btf: Btf,
  root: number,
  access: string,
  visit: (struct: number, index: number) => unknown,
): number[] {
  const [first = 0, ...rest] = access.split(':').map(Number);
  let at = btf.resolve(root);
  const out = [first];
  for (const index of rest) {
    if (at.kind === 'struct' || at.kind === 'union') {
      const to = visit(at.id, index);
      out.push(typeof to === 'number' ? to : index);
      at = btf.resolve(at.members[index]!.type);
    } else {
      out.push(index);
      if (at.kind === 'array') at = btf.resolve(at.element);
    }
  }
  return out;
}

function accessIn(btf: Btf, root: number, access: string, kept: ReadonlyMap<number, number[]>): string {
  return walk(btf, root, access, (struct, index) => kept.get(struct)?.indexOf(index) ?? index).join(':');
}

/** The types with fewer members and other strings; `places`: from where to where each has moved, in order. */
function rewriteTypes(section: Uint8Array, kept: ReadonlyMap<number, number[]>, strings: StringTable) {
  const from = new DataView(section.buffer, section.byteOffset, section.byteLength);
  const header = from.getUint32(4, true);
  const start = header + from.getUint32(8, true);
  const end = start + from.getUint32(12, true);
  const textOf = textsIn(section);
  const text = (at: number): number => strings.add(textOf(from.getUint32(at, true)));
  const out: number[] = [];
  const places: { from: number; to: number }[] = [];
  for (let at = start, id = 1; at < end; id++) {
    const info = from.getUint32(at + 4, true);
    const kind = (info >>> 24) & 0x1f;
    const [own, each] = [OWN[kind] ?? 0, PER_MEMBER[kind] ?? 0];
    // Of a function, the number is its linkage.
    const count = each > 0 ? info & 0xffff : 0;
    const members = kept.get(id) ?? Array.from({ length: count }, (_, i) => i);
    places.push({ from: at, to: start + out.length * 4 });
    out.push(text(at), info - count + members.length, from.getUint32(at + 8, true));
    const body = at + 12;
    for (let i = 0; i < own; i += 4) out.push(from.getUint32(body + i, true));
    for (const m of members) {
      const place = body + own + m * each;
      // A section's variables have no names here, but types.
      out.push(kind === DATASEC ? from.getUint32(place, true) : text(place));
      for (let i = 4; i < each; i += 4) out.push(from.getUint32(place + i, true));
    }
    at = body + own + count * each;
  }
  return { bytes: new Uint8Array(Uint32Array.from(out).buffer), places };
}

function withStrings(section: Uint8Array, types: Uint8Array, strings: StringTable): Uint8Array {
  const texts = strings.bytes();
  const size = new DataView(section.buffer, section.byteOffset).getUint32(4, true);
  const header = new Uint8Array(section.subarray(0, size));
  const view = new DataView(header.buffer);
  for (const [i, n] of [0, types.length, types.length, texts.length].entries())
    view.setUint32(8 + i * 4, n, true);
  return Buffer.concat([header, types, texts]);
}

/** `.BTF.ext` has strings of `.BTF` in its three tables: names of sections, source lines, accesses. */
function rewriteExt(
  section: Uint8Array,
  types: Uint8Array,
  accesses: readonly string[],
  strings: StringTable,
) {
  const textOf = textsIn(types);
  const out = new Uint8Array(section); // not slice(): of a Buffer that is a view
  const view = new DataView(out.buffer);
  const header = view.getUint32(4, true);
  let core = 0;
  const move = (at: number): void => view.setUint32(at, strings.add(textOf(view.getUint32(at, true))), true);
  for (let table = 0; table < 3 && 8 + table * 8 < header; table++) {
    const start = header + view.getUint32(8 + table * 8, true);
    const end = start + view.getUint32(12 + table * 8, true);
    if (end === start) continue;
    const size = view.getUint32(start, true);
    for (let at = start + 4; at < end; ) {
      const count = view.getUint32(at + 4, true);
      move(at);
      at += 8;
      for (let i = 0; i < count; i++, at += size) {
        if (table === 1) for (const field of [4, 8]) move(at + field);
        if (table === 2) view.setUint32(at + 8, strings.add(accesses[core++]!), true);
      }
    }
  }
  return out;
}

/** Relocations of `.BTF` are about the variables of its sections, which have moved with their types. */
function moved(relocations: Uint8Array, places: readonly { from: number; to: number }[]): Uint8Array {
  const out = new Uint8Array(relocations);
  const view = new DataView(out.buffer);
  for (let at = 0; at + REL <= out.length; at += REL) {
    const offset = Number(view.getBigUint64(at, true));
    const place = places.findLast((p) => p.from <= offset);
    if (place) view.setBigUint64(at, BigInt(offset - place.from + place.to), true);
  }
  return out;
}

/** Reads the strings of a `.BTF`, a character a byte, as the table takes them: lines of a source are in any encoding, and of any length. */
function textsIn(section: Uint8Array): (offset: number) => string {
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  const start = view.getUint32(4, true) + view.getUint32(16, true);
  return (offset) => cString(section, start + offset);
}

function cString(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.subarray(at, bytes.indexOf(0, at))).toString('latin1');
}

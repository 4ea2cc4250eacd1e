/** Kinds of BTF (include/uapi/linux/btf.h) that are looked for. */
const PTR = 2;
const STRUCT = 4;
const UNION = 5;
const ENUM = 6;
const TYPEDEF = 8;
const FUNC = 12;
const VAR = 14;
const DECL_TAG = 17;
const ENUM64 = 19;

/** Bytes that follow a type's three words: some for each of its members, or for the type itself. */
const PER_MEMBER: Readonly<Record<number, number>> = { 4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12 };
const OWN: Readonly<Record<number, number>> = { 1: 4, 3: 12, 14: 4, 17: 4 };

interface Entry {
  readonly id: number;
  readonly at: number;
  readonly kind: number;
  readonly members: number;
}

/** Adds names and types to a `.BTF` section. What is there keeps its id and its place. */
export class BtfEditor {
  #types: Buffer;
  #strings: Buffer;
  readonly #header: Buffer;

  constructor(section: Uint8Array) {
    const b = Buffer.from(section);
    const length = b.readUInt32LE(4);
    this.#header = b.subarray(0, length);
    const part = (at: number) => {
      const from = length + b.readUInt32LE(at);
      return b.subarray(from, from + b.readUInt32LE(at + 4));
    };
    this.#types = part(8);
    this.#strings = part(16);
  }

  /** Calls a variable or a typedef something else. */
  rename(kind: 'var' | 'typedef', from: string, to: string): void {
    for (const e of this.#find(kind === 'var' ? VAR : TYPEDEF, from))
      this.#types.writeUInt32LE(this.#add(to), e.at);
  }

  /** The id of a struct. */
  struct(name: string): number | undefined {
    return this.#find(STRUCT, name)[0]?.id;
  }

  /** Gives a map's declaration a `__type(value, …)`, unless it has one: the type of what its buffer holds. */
  addValue(map: string, type: number): void {
    const variable = this.#find(VAR, map)[0];
    const struct =
      variable && this.#entries().find((e) => e.id === this.#types.readUInt32LE(variable.at + 8));
    if (!variable || struct?.kind !== STRUCT || this.#hasMember(struct, 'value')) return;
    // A perf buffer says four bytes as the size of what it holds, and libbpf wants the two to agree.
    const members = Buffer.concat(
      this.#members(struct).filter((m) => this.#text(m.readUInt32LE(0)) !== 'value_size'),
    );
    // The kernel wants members in the order of their offsets, within the struct; libbpf reads only their types.
    const last = members.length > 0 ? members.readUInt32LE(members.length - 4) : 0;
    const pointer = this.#append(words(0, PTR << 24, type));
    const value = words(this.#add('value'), pointer, last);
    const head = Buffer.from(this.#types.subarray(struct.at, struct.at + 12));
    head.writeUInt32LE(head.readUInt32LE(4) - struct.members + members.length / 12 + 1, 4);
    const id = this.#append(Buffer.concat([head, members, value]));
    this.#types.writeUInt32LE(id, variable.at + 8);
  }

  /** Puts a typedef of this name before structs, or enums, of such names, wherever they are members. */
  nameType(kind: 'struct' | 'enum', names: RegExp, typedef: string): void {
    const kinds = kind === 'struct' ? [STRUCT] : [ENUM, ENUM64];
    for (const { id, at } of this.#entries().filter((e) => kinds.includes(e.kind))) {
      if (!names.test(this.#text(this.#types.readUInt32LE(at)))) continue;
      const type = this.#append(words(this.#add(typedef), TYPEDEF << 24, id));
      for (const e of this.#entries()) {
        if (e.kind !== STRUCT && e.kind !== UNION) continue;
        for (const member of this.#members(e))
          if (member.readUInt32LE(4) === id) member.writeUInt32LE(type, 4);
      }
    }
  }

  /** Puts a typedef of this name before the type of a struct's or union's member. */
  nameMember(kind: 'struct' | 'union', composite: string, member: string, typedef: string): void {
    for (const { at, members } of this.#find(kind === 'struct' ? STRUCT : UNION, composite)) {
      for (let m = at + 12; m < at + 12 + members * 12; m += 12) {
        if (this.#text(this.#types.readUInt32LE(m)) !== member) continue;
        const type = this.#append(words(this.#add(typedef), TYPEDEF << 24, this.#types.readUInt32LE(m + 4)));
        this.#types.writeUInt32LE(type, m + 4);
      }
    }
  }

  /** Declares a variable that is a pointer to a type: `TYPE *NAME`. */
  addPointer(name: string, type: number): void {
    const pointer = this.#append(words(0, PTR << 24, type));
    this.#append(words(this.#add(name), VAR << 24, pointer, 1));
  }

  /** Marks a variable or a function, as `btf_decl_tag` does. */
  tag(kind: 'var' | 'func', name: string, text: string): void {
    for (const { id } of this.#find(kind === 'var' ? VAR : FUNC, name))
      this.#append(words(this.#add(text), DECL_TAG << 24, id, -1));
  }

  /** Marks the members of a struct as `text` says of their names, those of which it says nothing not. */
  tagMembersOf(struct: string, text: (member: string) => readonly string[]): void {
    for (const e of this.#find(STRUCT, struct))
      for (const [i, member] of this.#members(e).entries())
        for (const t of text(this.#text(member.readUInt32LE(0))))
          this.#append(words(this.#add(t), DECL_TAG << 24, e.id, i));
  }

  /** Marks all members of structs that are of a typedef, as `btf_decl_tag` behind them does. */
  tagMembers(typedef: string, text: string): void {
    const types = new Set(this.#find(TYPEDEF, typedef).map((e) => e.id));
    for (const e of this.#entries()) {
      if (e.kind !== STRUCT) continue;
      for (const [i, member] of this.#members(e).entries())
        if (types.has(member.readUInt32LE(4))) this.#append(words(this.#add(text), DECL_TAG << 24, e.id, i));
    }
  }

  /** Calls a section something else in `.BTF.ext`, whose tables go by sections' names; in place. */
  renameSection(ext: Buffer, from: string, to: string): void {
    const header = ext.readUInt32LE(4);
    const name = this.#add(to);
    for (let table = 8; table + 8 <= header && table <= 24; table += 8) {
      const start = header + ext.readUInt32LE(table);
      const end = Math.min(ext.length, start + ext.readUInt32LE(table + 4));
      const size = end - start < 4 ? 0 : ext.readUInt32LE(start);
      for (let at = start + 4; at + 8 <= end; at += 8 + ext.readUInt32LE(at + 4) * size)
        if (this.#text(ext.readUInt32LE(at)) === from) ext.writeUInt32LE(name, at);
    }
  }

  /**
   * Takes CO-RE relocations of structs with such names out of `.BTF.ext`, in place: what the compiler put there by the
   * object's own types stays. A table that is shorter then leaves a gap behind it, which nothing reads.
   */
  dropRelocations(ext: Buffer, of: RegExp): boolean {
    // Nobody has looked at this section yet: what is not sound is left to libbpf, which says so.
    if (ext.length < 32 || ext.readUInt32LE(4) < 32) return false;
    const start = ext.readUInt32LE(4) + ext.readUInt32LE(24);
    const end = Math.min(ext.length, start + ext.readUInt32LE(28));
    const size = end - start < 4 ? 0 : ext.readUInt32LE(start);
    if (size < 8) return false;
    const dropped = new Set(
      this.#entries().flatMap((e) =>
        e.kind === STRUCT && of.test(this.#text(this.#types.readUInt32LE(e.at))) ? [e.id] : [],
      ),
    );
    const kept: Buffer[] = [];
    for (let at = start + 4; at + 8 <= end; at += 8 + ext.readUInt32LE(at + 4) * size) {
      const count = Math.min(ext.readUInt32LE(at + 4), Math.floor((end - at - 8) / size));
      const all = Array.from({ length: count }, (_, i) =>
        Buffer.from(ext.subarray(at + 8 + i * size, at + 8 + (i + 1) * size)),
      );
      const stay = all.filter((record) => !dropped.has(record.readUInt32LE(4)));
      // libbpf refuses a section without records.
      if (stay.length > 0) kept.push(words(ext.readUInt32LE(at), stay.length), ...stay);
    }
    const table = Buffer.concat(kept);
    if (table.length === end - start - 4) return false;
    table.copy(ext, start + 4);
    ext.writeUInt32LE(table.length > 0 ? 4 + table.length : 0, 28);
    return true;
  }

  get bytes(): Uint8Array {
    const header = Buffer.from(this.#header);
    header.writeUInt32LE(0, 8);
    header.writeUInt32LE(this.#types.length, 12);
    header.writeUInt32LE(this.#types.length, 16);
    header.writeUInt32LE(this.#strings.length, 20);
    return Buffer.concat([header, this.#types, this.#strings]);
  }

  #find(kind: number, name: string): Entry[] {
    return this.#entries().filter(
      (e) => e.kind === kind && this.#text(this.#types.readUInt32LE(e.at)) === name,
    );
  }

  #members(struct: Entry): Buffer[] {
    const at = (i: number) => struct.at + 12 + i * 12;
    return Array.from({ length: struct.members }, (_, i) => this.#types.subarray(at(i), at(i + 1)));
  }

  #hasMember(struct: Entry, name: string): boolean {
    return this.#members(struct).some((m) => this.#text(m.readUInt32LE(0)) === name);
  }

  #entries(): Entry[] {
    const out: Entry[] = [];
    for (let at = 0; at + 12 <= this.#types.length; ) {
      const info = this.#types.readUInt32LE(at + 4);
      const kind = (info >>> 24) & 0x1f;
      const members = info & 0xffff;
      out.push({ id: out.length + 1, at, kind, members });
      at += 12 + (OWN[kind] ?? 0) + (PER_MEMBER[kind] ?? 0) * members;
    }
    return out;
  }

  #append(type: Buffer): number {
    const id = this.#entries().length + 1;
    this.#types = Buffer.concat([this.#types, type]);
    return id;
  }

  #add(text: string): number {
    const at = this.#strings.length;
    this.#strings = Buffer.concat([this.#strings, Buffer.from(`${text}\0`)]);
    return at;
  }

  #text(offset: number): string {
    return this.#strings.toString('latin1', offset, this.#strings.indexOf(0, offset));
  }
}

function words(...numbers: number[]): Buffer {
  const out = Buffer.alloc(numbers.length * 4);
  for (const [i, n] of numbers.entries()) out.writeUInt32LE(n >>> 0, i * 4);
  return out;
}

import { BTF_KINDS, type BtfKind } from '../../src/btf/types.ts';

/** Writes BTF by hand, for what no compiler at hand writes: enum64, forged names, contradictions. */
export class BtfBuilder {
  readonly #types: number[] = [];
  #strings = '\0';
  #count = 0;

  name(text: string): number {
    if (text === '') return 0;
    const offset = Buffer.byteLength(this.#strings);
    this.#strings += `${text}\0`;
    return offset;
  }

  /** Adds a type; `third` is its size or type, `rest` the words behind. Returns its id. */
  add(kind: BtfKind, name: string, third: number, rest: number[] = [], vlen = 0, flag = false): number {
    const info = (BTF_KINDS.indexOf(kind) << 24) | vlen | (flag ? 0x80000000 : 0);
    this.#types.push(this.name(name), info, third);
    for (const word of rest) this.#types.push(word);
    return ++this.#count;
  }

  int(name: string, size: number, encoding = 0, bits = size * 8, offset = 0): number {
    return this.add('int', name, size, [(encoding << 24) | (offset << 16) | bits]);
  }

  /** Members as [name, type, bit offset]; with `flag` the offset's upper 8 bits are a width. */
  struct(
    name: string,
    size: number,
    members: [string, number, number][],
    flag = false,
    kind: 'struct' | 'union' = 'struct',
  ): number {
    const rest = members.flatMap(([n, type, offset]) => [this.name(n), type, offset]);
    return this.add(kind, name, size, rest, members.length, flag);
  }

  bytes(): Uint8Array {
    const strings = Buffer.from(this.#strings);
    const out = Buffer.alloc(24 + this.#types.length * 4 + strings.length);
    out.writeUInt16LE(0xeb9f, 0);
    out[2] = 1;
    out.writeUInt32LE(24, 4);
    out.writeUInt32LE(this.#types.length * 4, 12);
    out.writeUInt32LE(this.#types.length * 4, 16);
    out.writeUInt32LE(strings.length, 20);
    for (const [i, word] of this.#types.entries()) out.writeUInt32LE(word >>> 0, 24 + i * 4);
    strings.copy(out, 24 + this.#types.length * 4);
    return out;
  }
}

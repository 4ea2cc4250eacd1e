import { BTF_KINDS, type BtfType } from '../btf/types.ts';

/** Writes types one after the other, numbered from 1, with their names. Ids within are those of the new BTF. */
export class BtfWriter {
  readonly #words: number[] = [];
  readonly #strings: string[] = [''];
  readonly #offsets = new Map<string, number>([['', 0]]);
  #stringBytes = 1;

  /** Appends a type as it is. */
  add(type: BtfType): void {
    switch (type.kind) {
      case 'int': {
        const encoding = (type.signed ? 1 : 0) | (type.char ? 2 : 0) | (type.bool ? 4 : 0);
        this.#head(type, 0, false, type.size);
        this.#words.push(((encoding << 24) | (type.bitOffset << 16) | type.bits) >>> 0);
        break;
      }
      case 'ptr':
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        this.#head(type, 0, false, type.type);
        break;
      case 'array':
        this.#head(type, 0, false, 0);
        this.#words.push(type.element, type.index, type.length);
        break;
      case 'struct':
      case 'union': {
        const bits = type.members.some((m) => m.bitSize > 0);
        this.#head(type, type.members.length, bits, type.size);
        for (const m of type.members) {
          const place = bits ? ((m.bitSize << 24) | m.bitOffset) >>> 0 : m.bitOffset;
          this.#words.push(this.#string(m.name), m.type, place);
        }
        break;
      }
      case 'enum':
        this.#head(type, type.values.length, type.flagged, type.size);
        for (const v of type.values) this.#words.push(this.#string(v.name), Number(v.value) >>> 0);
        break;
      case 'enum64':
        this.#head(type, type.values.length, type.flagged, type.size);
        for (const v of type.values) {
          const value = BigInt.asUintN(64, BigInt(v.value));
          this.#words.push(this.#string(v.name), Number(value & 0xffffffffn), Number(value >> 32n));
        }
        break;
      case 'fwd':
        this.#head(type, 0, type.union, 0);
        break;
      case 'float':
        this.#head(type, 0, false, type.size);
        break;
      case 'func_proto':
        this.#head(type, type.parameters.length, false, type.returns);
        for (const p of type.parameters) this.#words.push(this.#string(p.name), p.type);
        break;
      default:
        throw new TypeError(`no relocation needs a ${type.kind}`);
    }
  }

  bytes(): Uint8Array {
    const header = new DataView(new ArrayBuffer(24));
    const types = this.#words.length * 4;
    // Magic and version, the header's size, types, strings (btf.rst, "struct btf_header").
    [0x0001eb9f, 24, 0, types, types, this.#stringBytes].forEach((word, i) => {
      header.setUint32(i * 4, word, true);
    });
    const words = new Uint8Array(Uint32Array.from(this.#words).buffer);
    const strings = Buffer.from(this.#strings.map((s) => `${s}\0`).join(''));
    return new Uint8Array(Buffer.concat([new Uint8Array(header.buffer), words, strings]));
  }

  #head(type: BtfType, count: number, flag: boolean, third: number): void {
    const info = ((flag ? 0x80000000 : 0) | (BTF_KINDS.indexOf(type.kind) << 24) | count) >>> 0;
    this.#words.push(this.#string(type.name), info, third);
  }

  #string(text: string): number {
    let offset = this.#offsets.get(text);
    if (offset !== undefined) return offset;
    offset = this.#stringBytes;
    this.#offsets.set(text, offset);
    this.#strings.push(text);
    this.#stringBytes += Buffer.byteLength(text) + 1;
    return offset;
  }
}

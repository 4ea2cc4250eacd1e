import { BpfError } from '../errors.ts';
import { BTF_KINDS } from './types.ts';

/** No C name and no help text in a tag needs more; a longer one means that names overlap to cost memory. */
const MAX_NAME = 4096;
/** Bytes that follow the 12 of every type: [fixed, per vlen], by kind number (btf.rst, "Type Encoding"). */
const TRAILING: readonly (readonly [number, number])[] = [
  [0, 0], // void: never encoded
  [4, 0], // int
  [0, 0], // ptr
  [12, 0], // array
  [0, 12], // struct
  [0, 12], // union
  [0, 8], // enum
  [0, 0], // fwd
  [0, 0], // typedef
  [0, 0], // volatile
  [0, 0], // const
  [0, 0], // restrict
  [0, 0], // func
  [0, 8], // func_proto
  [4, 0], // var
  [0, 12], // datasec
  [0, 0], // float
  [4, 0], // decl_tag
  [0, 0], // type_tag
  [0, 12], // enum64
];

export function btfInvalid(what: string): BpfError {
  return new BpfError('SKEP_BTF_INVALID', `The type information (BTF) is not valid: ${what}.`, {
    hint: 'The object is damaged or was made by a tool that writes another BTF; compile it again with clang -g.',
  });
}

/**
 * The raw bytes of one BTF blob and where each type begins. The kernel has 126,000 types, so nothing is
 * made of them here but one number each.
 */
export class BtfBlob {
  /** First byte of each type in `bytes`. */
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;
  readonly dv: DataView;
  readonly strings: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < 24) throw btfInvalid('it is shorter than its header');
    const magic = this.dv.getUint16(0, true);
    if (magic === 0x9feb) throw btfInvalid('it is big-endian');
    if (magic !== 0xeb9f) throw btfInvalid('it does not begin with the BTF magic');
    if (bytes[2] !== 1) throw btfInvalid(`version ${bytes[2]} is not known`);
    const header = this.dv.getUint32(4, true);
    const types = this.#part(header, 8, 'types');
    this.strings = this.#part(header, 16, 'strings');
    this.offsets = this.#index(types.byteOffset - bytes.byteOffset, types.length);
  }

  #part(header: number, field: number, what: string): Uint8Array {
    const start = header + this.dv.getUint32(field, true);
    const size = this.dv.getUint32(field + 4, true);
    if (start + size > this.bytes.length) throw btfInvalid(`its ${what} end after the data`);
    return this.bytes.subarray(start, start + size);
  }

  #index(start: number, size: number): Uint32Array {
    const { dv } = this;
    const end = start + size;
    const offsets = new Uint32Array(Math.floor(size / 12));
    let count = 0;
    let at = start;
    while (at < end) {
      if (at + 12 > end) throw btfInvalid(`type ${count + 1} ends after the types`);
      const info = dv.getUint32(at + 4, true);
      const kind = (info >>> 24) & 0x1f;
      const trailing = TRAILING[kind];
      if (!trailing || kind === 0) throw btfInvalid(`type ${count + 1} is of unknown kind ${kind}`);
      offsets[count++] = at;
      at += 12 + trailing[0] + trailing[1] * (info & 0xffff);
    }
    if (at !== end) throw btfInvalid(`type ${count} ends after the types`);
    return offsets.slice(0, count);
  }

  /** Kind number of the type at `offset`, checked by the index. */
  kindAt(offset: number): (typeof BTF_KINDS)[number] {
    return BTF_KINDS[(this.dv.getUint32(offset + 4, true) >>> 24) & 0x1f]!;
  }

  /** The string at an offset of this blob's own string table. With `cut`, one that is too long for a name is cut. */
  string(offset: number, cut = false): string {
    const { strings } = this;
    if (offset === 0 && strings.length === 0) return '';
    if (offset >= strings.length)
      throw btfInvalid(`a name lies outside of its ${strings.length} bytes of strings`);
    const most = strings.subarray(offset, offset + MAX_NAME + 1);
    const end = most.indexOf(0);
    if (end < 0 && !(cut && most.length > MAX_NAME)) throw btfInvalid('a name has no end');
    const length = end < 0 ? MAX_NAME : end;
    return Buffer.from(strings.buffer, strings.byteOffset + offset, length).toString('utf8');
  }

  /** Whether the string at `offset` is `name` (its bytes with the NUL behind), without making a string. */
  stringIs(offset: number, name: Uint8Array): boolean {
    const { strings } = this;
    if (offset + name.length > strings.length) return false;
    for (let i = 0; i < name.length; i++) if (strings[offset + i] !== name[i]) return false;
    return true;
  }
}

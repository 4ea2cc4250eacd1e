import { BpfError } from '../errors.ts';

const HINT = 'The file is damaged or cut short; build or pull it again.';
/** No C name is longer; a longer one means that string tables overlap to cost memory. */
const MAX_NAME = 4096;

export function elfInvalid(what: string, hint = HINT): BpfError {
  return new BpfError('SKEP_ELF_INVALID', `Not a valid ELF object: ${what}.`, { hint });
}

/** Little-endian reads from a file, every one of them checked. */
export class ElfReader {
  readonly bytes: Uint8Array;
  readonly #dv: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #need(offset: number, size: number, what: string): void {
    if (!(offset >= 0 && offset + size <= this.bytes.byteLength)) {
      throw elfInvalid(`${what} at ${offset} ends after the file (${this.bytes.byteLength} bytes)`);
    }
  }

  u16(offset: number, what: string): number {
    this.#need(offset, 2, what);
    return this.#dv.getUint16(offset, true);
  }

  u32(offset: number, what: string): number {
    this.#need(offset, 4, what);
    return this.#dv.getUint32(offset, true);
  }

  /** A 64-bit number; sizes and offsets over 2^53 cannot be in a file and are refused. */
  u64(offset: number, what: string): number {
    this.#need(offset, 8, what);
    const value = this.#dv.getUint32(offset + 4, true) * 0x1_0000_0000 + this.#dv.getUint32(offset, true);
    if (!Number.isSafeInteger(value)) throw elfInvalid(`${what} is out of range`);
    return value;
  }

  slice(offset: number, size: number, what: string): Uint8Array {
    this.#need(offset, size, what);
    return this.bytes.subarray(offset, offset + size);
  }
}

/** Names from one string table. Linkers share the ends of names, but seldom more than twice over. */
export class NameTable {
  readonly #strings: Uint8Array;
  #budget: number;

  constructor(strings: Uint8Array) {
    this.#strings = strings;
    this.#budget = strings.length * 8 + 65_536;
  }

  /** The NUL-terminated name at `offset`. */
  at(offset: number, what: string): string {
    const strings = this.#strings;
    if (offset === 0 && strings.length === 0) return '';
    if (offset >= strings.length) throw elfInvalid(`the name of ${what} lies outside of its string table`);
    const end = strings.subarray(offset, offset + MAX_NAME + 1).indexOf(0);
    if (end < 0) throw elfInvalid(`the name of ${what} has no end`);
    this.#budget -= end;
    if (this.#budget < 0) throw elfInvalid('its names overlap');
    return Buffer.from(strings.buffer, strings.byteOffset + offset, end).toString('utf8');
  }
}

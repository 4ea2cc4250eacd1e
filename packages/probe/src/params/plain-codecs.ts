import { type BtfEnum, namesEnumerators, shortFloat, type Value } from '@skep/bpf';
import type { ParamCodec } from './codec.ts';

/** Reads an integer of 1, 2, 4, 8 or 16 bytes. */
export function readInteger(view: DataView, offset: number, size: number, signed: boolean): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(view.getUint8(offset + i));
  return signed ? BigInt.asIntN(size * 8, value) : value;
}

/** Writes an integer that {@link inRange} allows. */
export function writeInteger(view: DataView, offset: number, size: number, value: bigint): void {
  for (let i = 0; i < size; i++) view.setUint8(offset + i, Number((value >> BigInt(8 * i)) & 255n));
}

/** The least and the greatest value of an integer type. */
export function limits(size: number, signed: boolean): [least: bigint, greatest: bigint] {
  const bits = BigInt(size * 8);
  return signed ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
}

/** `12`, `-5`, `0x1f`, `-0x1f` as an integer; undefined for anything else. */
export function parseInteger(text: string): bigint | undefined {
  const match = /^([+-]?)(0x[0-9a-f]+|\d+)$/i.exec(text);
  if (!match) return undefined;
  const magnitude = BigInt(match[2]!);
  return match[1] === '-' ? -magnitude : magnitude;
}

/** A number while it is exact, else a bigint, as decoders give it. */
export function integerValue(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Another way to write an integer. */
export interface Spelling {
  range: string;
  noun: string;
  example: string;
  parse(text: string): bigint | undefined;
  show?(value: bigint): string;
  why?(text: string): string | undefined;
}

/**
 * Integers, with a way to write them that goes before plain digits.
 *
 * @param spelled reads other spellings (`5ms`, `openat`); digits are read anyway
 * @param range says what is taken, without the limits
 */
export function integerCodec(size: number, signed: boolean, spelled?: Spelling): ParamCodec {
  const [least, greatest] = limits(size, signed);
  return {
    size,
    range: spelled?.range ?? `a whole number from ${least} to ${greatest}`,
    noun: spelled?.noun ?? 'number',
    example: spelled?.example ?? (greatest < 1000n ? '10' : '1000'),
    why: spelled?.why,
    read: (view, offset) => integerValue(readInteger(view, offset, size, signed)),
    show: (value) => spelled?.show?.(BigInt(value as number | bigint)) ?? String(value),
    write(text, view, offset) {
      const value = spelled?.parse(text) ?? parseInteger(text);
      if (value === undefined || value < least || value > greatest) return false;
      writeInteger(view, offset, size, value);
      return true;
    },
  };
}

/** A `char` by itself: a sign, or a small number. */
export const LETTER: Spelling = {
  range: 'a letter or a sign, or a number from -128 to 127',
  noun: 'letter',
  example: 'x',
  parse: (text) => (/^[!-/:-~]$/.test(text) ? BigInt(text.charCodeAt(0)) : undefined),
  show(value) {
    const text = String.fromCharCode(Number(value));
    return /^[!-/:-~]$/.test(text) ? text : String(value);
  },
};

/** The same values with the most significant byte first, as a `__be16` has them. */
export function networkOrder(codec: ParamCodec): ParamCodec {
  const reversed = (view: DataView, offset: number) =>
    new Uint8Array(view.buffer, view.byteOffset + offset, codec.size).reverse();
  return {
    ...codec,
    read(view, offset) {
      const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, codec.size).toReversed();
      return codec.read(new DataView(bytes.buffer), 0);
    },
    write(text, view, offset) {
      const taken = codec.write(text, view, offset);
      if (taken) reversed(view, offset);
      return taken;
    },
  };
}

const BOOLEANS = new Map([
  ['true', 1],
  ['yes', 1],
  ['on', 1],
  ['1', 1],
  ['false', 0],
  ['no', 0],
  ['off', 0],
  ['0', 0],
]);

export function booleanCodec(size: number): ParamCodec {
  return {
    size,
    range: 'true or false',
    noun: 'true|false',
    example: 'true',
    read: (view, offset) => readInteger(view, offset, size, false) !== 0n,
    show: String,
    write(text, view, offset) {
      const value = BOOLEANS.get(text.toLowerCase());
      if (value === undefined) return false;
      writeInteger(view, offset, size, BigInt(value));
      return true;
    },
  };
}

export function floatCodec(size: number): ParamCodec | undefined {
  if (size !== 4 && size !== 8) return undefined;
  return {
    size,
    range: 'a number, such as 1.5 or 2e-3',
    noun: 'number',
    example: '1.5',
    read: (view, offset) => (size === 4 ? view.getFloat32(offset, true) : view.getFloat64(offset, true)),
    show: (value) => (size === 4 ? shortFloat(value as number) : String(value)),
    write(text, view, offset) {
      if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return false;
      const value = Number(text);
      if (!Number.isFinite(size === 4 ? Math.fround(value) : value)) return false;
      if (size === 4) view.setFloat32(offset, value, true);
      else view.setFloat64(offset, value, true);
      return true;
    },
  };
}

/**
 * Enums, by name or number. They are as often flags as they are choices, so a number may be of several together; one that
 * none of them makes is a mistake, except where a range of the author's says what is taken ({@link ParamCodec.anyNumber}).
 */
export function enumCodec(type: BtfEnum): ParamCodec {
  const { size, signed } = type;
  const values = namesEnumerators(type) ? type.values : [];
  const byName = new Map(values.map((v) => [v.name, BigInt(v.value)]));
  const [least, greatest] = limits(size, signed);
  const bits = (value: bigint): bigint => BigInt.asUintN(size * 8, value);
  const isSet = (value: bigint): boolean => {
    const within = [...byName.values()].map(bits).filter((v) => (v & ~bits(value)) === 0n);
    return within.reduce((all, v) => all | v, 0n) === bits(value);
  };
  const number = (view: DataView, offset: number) => integerValue(readInteger(view, offset, size, signed));
  const codec = (fits: (value: bigint) => boolean): ParamCodec => ({
    size,
    range:
      values.length > 0
        ? `one of ${[...byName.keys()].join(', ')}, or the number of one or of several together`
        : 'a whole number; its names need clang 15',
    noun: 'name',
    example: values.at(-1)?.name ?? '1',
    read(view, offset) {
      const value = readInteger(view, offset, size, signed);
      return values.find((v) => BigInt(v.value) === value)?.name ?? integerValue(value);
    },
    number,
    show: String,
    write(text, view, offset) {
      const value = byName.get(text) ?? parseInteger(text);
      if (value === undefined || value < least || value > greatest || !fits(value)) return false;
      writeInteger(view, offset, size, value);
      return true;
    },
  });
  const anyNumber = codec(() => true);
  return values.length === 0 ? anyNumber : { ...codec(isSet), anyNumber };
}

/** `char[length]`: UTF-8, with room for the closing NUL. */
export function textCodec(length: number): ParamCodec {
  return {
    size: length,
    range: `a text of at most ${Math.max(0, length - 1)} bytes`,
    noun: 'text',
    example: 'text',
    read(view, offset) {
      const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, length);
      const end = bytes.indexOf(0);
      return Buffer.from(bytes.subarray(0, end < 0 ? length : end)).toString('utf8');
    },
    show: String,
    write(text, view, offset) {
      const bytes = Buffer.from(text, 'utf8');
      if (bytes.length >= length || bytes.includes(0)) return false;
      const target = new Uint8Array(view.buffer, view.byteOffset + offset, length);
      target.fill(0);
      target.set(bytes);
      return true;
    },
  };
}

/**
 * Values separated by commas; those not given are zero, and an empty text makes all of them zero. Those of rows stand one
 * after another, as they lie in memory.
 */
export function arrayCodec(element: ParamCodec, length: number): ParamCodec {
  if (element.array) return arrayCodec(element.array.element, element.array.length * length);
  const size = element.size * length;
  return {
    size,
    range: `up to ${length} values separated by commas, each ${element.range}`,
    array: { element, length },
    noun: `${element.noun},…`,
    example: length > 1 ? `${element.example},${element.example}` : element.example,
    read: (view, offset) => {
      const values: Value[] = [];
      for (let i = 0; i < length; i++) values.push(element.read(view, offset + i * element.size));
      return values;
    },
    show: (value) => (value as Value[]).map((v) => element.show(v)).join(','),
    write(text, view, offset) {
      const parts = text === '' ? [] : text.split(',');
      if (parts.length > length) return false;
      new Uint8Array(view.buffer, view.byteOffset + offset, size).fill(0);
      return parts.every((part, i) => element.write(part.trim(), view, offset + i * element.size));
    },
  };
}

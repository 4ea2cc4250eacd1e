import { type Btf, isNetworkOrder, type Value } from '@skep/bpf';
import { CIDR } from './cidr.ts';
import { namedCodec } from './named-codecs.ts';
import {
  arrayCodec,
  booleanCodec,
  enumCodec,
  floatCodec,
  integerCodec,
  LETTER,
  networkOrder,
  textCodec,
} from './plain-codecs.ts';

/** How one type's values are read from an object, written by a user, and shown. Little-endian, as BPF objects are. */
export interface ParamCodec {
  /** Bytes. */
  readonly size: number;
  /** What it takes, to end a sentence: `a whole number from 0 to 255`. */
  readonly range: string;
  /** What stands for a value in a usage line: `number`, `duration`. */
  readonly noun: string;
  /** A value that it takes, for examples: `5ms`. */
  readonly example: string;
  read(view: DataView, offset: number): Value;
  /** The number of a value, where {@link ParamCodec.read} gives its name. */
  number?(view: DataView, offset: number): number | bigint;
  /** The same codec for all numbers that the type holds, where it takes only those that have a meaning. */
  readonly anyNumber?: ParamCodec;
  /** The text that {@link ParamCodec.write} reads back. */
  show(value: Value): string;
  /** Writes the value that `text` spells; false when it spells none. */
  write(text: string, view: DataView, offset: number): boolean;
  /** What it is an array of. */
  readonly array?: { readonly element: ParamCodec; readonly length: number };
  /** Why it does not take `text`, as a sentence, where more can be said than what it takes. */
  why?(text: string): string | undefined;
}

/** The codec of a type; undefined when a text cannot spell its values (structs, pointers). */
export function codecFor(btf: Btf, typeId: number): ParamCodec | undefined {
  let id = typeId;
  for (;;) {
    const t = btf.type(id);
    if (t.kind === 'typedef') {
      const named = namedCodec(t.name, btf, id);
      if (named) return named;
      if (isNetworkOrder(t.name)) return networkOrder(integerCodec(btf.sizeOf(id), false));
    }
    if (t.kind === 'struct' && t.name === 'skep_cidr' && t.size === CIDR.size) return CIDR;
    if (
      t.kind === 'typedef' ||
      t.kind === 'const' ||
      t.kind === 'volatile' ||
      t.kind === 'restrict' ||
      t.kind === 'type_tag'
    ) {
      id = t.type;
      continue;
    }
    switch (t.kind) {
      case 'int':
        if (t.bool) return booleanCodec(t.size);
        return integerCodec(t.size, t.signed, t.size === 1 && t.name === 'char' ? LETTER : undefined);
      case 'float':
        return floatCodec(t.size);
      case 'enum':
      case 'enum64':
        return enumCodec(t);
      case 'array': {
        const element = btf.resolve(t.element);
        // clang does not mark char as such, so it goes by its name; a named type (u8 port[4]) is no text.
        if (element.kind === 'int' && element.size === 1 && element.name === 'char')
          return textCodec(t.length);
        const codec = codecFor(btf, t.element);
        return codec && arrayCodec(codec, t.length);
      }
      default:
        return undefined;
    }
  }
}

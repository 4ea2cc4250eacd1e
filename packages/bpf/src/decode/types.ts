import type { Btf } from '../btf/btf.ts';
import type { KeyLayout } from './key-layout.ts';

/**
 * What a field decodes to.
 *
 * | C | value |
 * | --- | --- |
 * | integers, bit fields | number while exact, else bigint; `__int128`: always bigint; `__be16`, `__be32`, `__be64`: the number that was meant |
 * | `_Bool` | boolean |
 * | `char`, `char[N]`, `char[]` | string up to the first NUL, all N bytes when there is none; bad UTF-8 becomes U+FFFD |
 * | `char args[N]` beside `args_size` (also `argv`, `cmdline`) | all texts of these bytes, a blank for each NUL between them |
 * | enum | the enumerator's name, or the number when it has none |
 * | pointer | `"0x…"` |
 * | float, double | number, of a float in JSON the one of the fewest digits; other widths: null |
 * | array | Value[]; a flexible one has as many elements as the record holds |
 * | struct, union | an object with all members, those of anonymous ones among them |
 */
export type Value = number | bigint | string | boolean | null | Value[] | { [name: string]: Value };

/** A whole buffer seen twice; an offset says where in it a record starts. */
export interface RecordView {
  readonly u8: Uint8Array;
  readonly dv: DataView;
}

/** How the values of one typedef are shown. */
export interface FormatSpec {
  readonly name: string;
  /** As a person reads it. */
  text(value: Value): string;
  /** As machines read it; without it, the plain value. */
  json?(value: Value): Value;
  /**
   * The same as `json`, written straight from the record, for types that come with every event: writes at most
   * `maxBytes` bytes of JSON, ASCII only, quotes included, and returns the position after them.
   */
  readonly jsonInto?: {
    readonly maxBytes: number;
    write(out: RecordView, position: number, view: RecordView, offset: number): number;
  };
}

export interface DecodeOptions {
  /**
   * Asked for every typedef on the way to a type, outermost first, and then for the struct at its end, which is called
   * `struct NAME`; the first answer is used.
   */
  format?(typeName: string, btf: Btf, typeId: number): FormatSpec | undefined;
}

export type ColumnKind = 'int' | 'float' | 'bool' | 'char[]' | 'enum' | 'ptr' | 'array' | 'struct' | 'union';

/** One leaf of a type: members of nested structs and unions are columns of their own, `a.b`. */
export interface Column {
  readonly name: string;
  /** Bytes from the start of the record. */
  readonly offset: number;
  /** Bytes; 0 for a flexible array. */
  readonly size: number;
  /** For a bit field: bits from the start of the record, and its width. */
  readonly bitfield?: { readonly offset: number; readonly size: number };
  /** As C spells it: `__u32`, `char[16]`. */
  readonly typeName: string;
  /** `struct` and `union` only where a format takes them whole, or where they are empty. */
  readonly kind: ColumnKind;
  /** Whether its values are numbers, to be compared and aligned as such. */
  readonly numeric: boolean;
  /** For an array of whole numbers of one dimension without a format of its own: how many. */
  readonly integers?: number;
  readonly format?: FormatSpec;
  /** Its `btf_decl_tag` texts, after those of the structs around it. */
  readonly tags: readonly string[];
}

/** Reads records of one type; see {@link compileDecoder}. */
export interface Decoder {
  readonly typeId: number;
  /** Bytes that a record has at least. */
  readonly size: number;
  readonly columns: readonly Column[];
  /**
   * A record as an object, formats' `json` applied. `length` are the record's bytes (default: `size`).
   * @throws {BpfError} `SKEP_RECORD_SHORT` when it has fewer than `size`, or lies outside of the view
   */
  decode(view: RecordView, offset: number, length?: number): Record<string, Value>;
  /** The same as one JSON text, without the object; all integers exact, in plain digits. @throws as `decode` */
  json(view: RecordView, offset: number, length?: number): string;
  /**
   * The same JSON written as UTF-8 into `out` from `position`; returns the position after it, or -1 when there
   * may not be room for {@link Decoder.maxJsonBytes}. @throws as `decode`
   */
  jsonInto(out: RecordView, position: number, view: RecordView, offset: number, length?: number): number;
  /** Room that `jsonInto` asks for; texts of formats without `jsonInto` come on top. */
  maxJsonBytes(length?: number): number;
  /** A reader of one column's plain value, before any format. The record's length has been checked by the caller. */
  column(index: number): (view: RecordView, offset: number, length?: number) => Value;
  /** One column as a person reads it. */
  text(index: number, view: RecordView, offset: number, length?: number): string;
  /** Which bytes of a record make its key in a {@link RawKeyTable}: all columns but the named ones. */
  keyLayout(exclude?: readonly string[]): KeyLayout;
}

import { type Column, type Decoder, type RecordView, stringify, type Value } from '@skep/bpf';
import type { PlaceOf } from '../contract/request.ts';
import type { Field, Stack, Stream, StreamKind, StreamSource } from '../contract/stream.ts';
import type { StackReader } from '../stacks/reader.ts';
import { type StackColumn, stackKind } from './stack-columns.ts';
import { readTags, unitInName, unitOf } from './tags.ts';

const encoder = new TextEncoder();

/** Everything a {@link StreamInfo} is made of. */
export interface StreamInit {
  map: string;
  name: string;
  object: string;
  probe: string;
  mapType: string;
  kind: StreamKind;
  source: StreamSource;
  yields: 'records' | 'series';
  fields: readonly Field[];
  decoder?: Decoder;
  help?: string;
  unit?: string;
  lossKnown: boolean;
  /** True unless said. */
  hasSum?: boolean;
  /** Columns that are stacks. */
  stacks?: readonly StackColumn[];
  /** Columns of a map's value that are. */
  valueStacks?: readonly StackColumn[];
}

/** The one implementation of {@link Stream}. */
export class StreamInfo implements Stream {
  readonly id: number;
  readonly map: string;
  readonly name: string;
  readonly object: string;
  readonly probe: string;
  readonly mapType: string;
  readonly kind: StreamKind;
  readonly source: StreamSource;
  readonly yields: 'records' | 'series';
  readonly fields: readonly Field[];
  readonly columns: readonly Column[];
  readonly decoder?: Decoder;
  readonly help?: string;
  readonly unit?: string;
  lossKnown: boolean;
  readonly hasSum: boolean;
  /** Whether a counter was handed a number below zero, of which it counts nothing. */
  belowZero = false;
  /** Bytes of the first record that was too short to be read. */
  tooShort: number | undefined;
  /** Texts and values of a record's fields, one closure a field. */
  readonly #reads: ((view: RecordView, offset: number) => Value)[];
  readonly #hidden: readonly string[];
  /** Columns of the record, or of the map's key, that are stacks. */
  readonly stackColumns: readonly StackColumn[];
  /** Takes them once the maps are loaded; without it they are numbers. */
  #stacks: StackReader | undefined;
  /** The same of a map's value, which is read anew at each interval. */
  readonly valueStacks: readonly StackColumn[];
  valueStackReader: StackReader | undefined;

  constructor(id: number, init: StreamInit) {
    this.id = id;
    this.map = init.map;
    this.name = init.name;
    this.object = init.object;
    this.probe = init.probe;
    this.mapType = init.mapType;
    this.kind = init.kind;
    this.source = init.source;
    this.yields = init.yields;
    this.fields = init.fields;
    this.columns = init.decoder?.columns ?? [];
    this.decoder = init.decoder;
    this.help = init.help;
    this.unit = init.unit;
    this.lossKnown = init.lossKnown;
    this.hasSum = init.hasSum ?? true;
    this.stackColumns = init.stacks ?? [];
    this.valueStacks = init.valueStacks ?? [];
    const decoder = init.decoder;
    this.#hidden = this.columns.filter((c) => readTags(c.tags).private).map((c) => c.name);
    this.#reads =
      decoder && init.yields === 'records' ? init.fields.map((f) => decoder.column(f.column!)) : [];
  }

  /** What of it the user should know. */
  notes(): string[] {
    const notes: string[] = [];
    if (this.belowZero) {
      notes.push(
        `${this.map}: numbers below zero counted nothing, as a counter only grows; a gauge_ map shows them`,
      );
    }
    if (this.tooShort !== undefined) {
      notes.push(
        `${this.map}: records of ${this.tooShort} bytes came, and its __type(value, …) has ${this.decoder!.size}: it must be the struct that is sent`,
      );
    }
    return notes;
  }

  /** What takes the stacks; set when the maps are loaded. */
  get stackReader(): StackReader | undefined {
    return this.#stacks;
  }

  set stackReader(reader: StackReader) {
    this.#stacks = reader;
  }

  /** Set by {@link StreamInfo.placeBy}. */
  place?: Stream['place'];

  /** Whether its records name a cgroup. */
  get namesCgroup(): boolean {
    return this.yields === 'records' && this.columns.some((c) => c.typeName === 'cgroup_id_t');
  }

  /** From now on {@link Stream.place} tells. */
  placeBy(placeOf: PlaceOf): void {
    const read = this.decoder!.column(this.columns.findIndex((c) => c.typeName === 'cgroup_id_t'));
    this.place = (view, offset) => placeOf(BigInt(read(view, offset) as number | bigint));
  }

  stacks(view: RecordView, offset: number): Stack[] {
    return this.stackColumns.map((_, s) => this.#stacks!.take(s, view, offset));
  }

  stackIdentity(view: RecordView, offset: number): string {
    return this.stackColumns.map((_, s) => this.#stacks!.identity(s, view, offset)).join('\0');
  }

  text(i: number, view: RecordView, offset: number): string {
    const stack = this.#stacks ? this.stackColumns.findIndex((s) => s.column === this.fields[i]!.column) : -1;
    if (stack >= 0) return this.#stacks!.take(stack, view, offset).text;
    return this.decoder!.text(this.fields[i]!.column!, view, offset);
  }

  read(i: number, view: RecordView, offset: number): Value {
    return this.#reads[i]!(view, offset);
  }

  jsonInto(out: RecordView, position: number, view: RecordView, offset: number, length: number): number {
    if (this.#plain) return this.decoder!.jsonInto(out, position, view, offset, length);
    const text = this.json(view, offset, length);
    if (text.length * 3 > out.u8.length - position) return -1;
    return position + encoder.encodeInto(text, out.u8.subarray(position)).written;
  }

  json(view: RecordView, offset: number, length: number): string {
    if (this.#plain) return this.decoder!.json(view, offset, length);
    const data = prune(this.decoder!.decode(view, offset, length), this.#hidden);
    if (this.#stacks) {
      this.stackColumns.forEach(({ column }, s) => {
        put(data, this.columns[column]!.name, this.#stacks!.take(s, view, offset).lines);
      });
    }
    return stringify(data);
  }

  /** The record's JSON is the decoder's. */
  get #plain(): boolean {
    return this.#hidden.length === 0 && this.#stacks === undefined;
  }
}

/** A field's value as JSON has it, by its type's own form where that has one: an address, the name of an error. */
export function jsonValue(field: Field, value: Value): Value {
  const json = field.source?.format?.json;
  return json ? json(value) : value;
}

/** The same object without the members at these dotted paths; it is changed in place. */
export function prune(data: Record<string, Value>, paths: readonly string[]): Record<string, Value> {
  for (const path of paths) {
    const parts = path.split('.');
    const last = parts.pop()!;
    let at: Value | undefined = data;
    for (const part of parts) at = isStruct(at) ? at[part] : undefined;
    if (isStruct(at)) delete at[last];
  }
  return data;
}

/** Puts a value in the place of the member at a dotted path, where there is one. */
export function put(data: Record<string, Value>, path: string, value: Value): void {
  const parts = path.split('.');
  const last = parts.pop()!;
  let at: Value | undefined = data;
  for (const part of parts) at = isStruct(at) ? at[part] : undefined;
  if (isStruct(at) && Object.hasOwn(at, last)) at[last] = value;
}

function isStruct(v: Value | undefined): v is { [k: string]: Value } {
  return typeof v === 'object' && v !== null && !Array.isArray(v);
}

/** The unit of a number that is counted: its own, else the one that its name says. */
export function valueUnit(column: Column): string | undefined {
  return unitOf(column) ?? (column.numeric ? unitInName(column.name) : undefined);
}

/** A field for a decoder's column. */
export function columnField(
  columns: readonly Column[],
  i: number,
  role: Field['role'],
  name?: string,
): Field {
  const source = columns[i]!;
  return {
    name: name ?? source.name,
    role,
    numeric: source.numeric && !stackKind(source),
    unit: role === 'value' ? valueUnit(source) : unitOf(source),
    help: readTags(source.tags).help,
    column: i,
    source,
  };
}

/** Makes names unique by appending `_` to the later ones, so that labels and values can share an object. */
export function uniqueNames(fields: readonly Field[]): Field[] {
  const taken = new Set<string>();
  return fields.map((f) => {
    let name = f.name;
    while (taken.has(name)) name += '_';
    taken.add(name);
    return name === f.name ? f : { ...f, name };
  });
}

import type { Btf } from '../btf/btf.ts';
import { BpfError } from '../errors.ts';
import { PlanBuilder } from './build-plan.ts';
import { type PlannedColumn, planColumns } from './columns.ts';
import { JsonEmitter } from './generate-json.ts';
import { readExpression } from './generate-read.ts';
import { type KeyLayout, layoutOf } from './key-layout.ts';
import type { MemberPlan, StructPlan } from './plan.ts';
import { recordView } from './record-view.ts';
import { shortFloat } from './short-float.ts';
import { Source } from './source.ts';
import { latin1, utf8 } from './strings.ts';
import type { Column, DecodeOptions, Decoder, RecordView, Value } from './types.ts';
import { stringify, written } from './write-text.ts';

type Decode = (view: RecordView, offset: number, length: number) => Record<string, Value>;
type JsonInto = (
  out: RecordView,
  position: number,
  view: RecordView,
  offset: number,
  length: number,
) => number;
type Read = (view: RecordView, offset: number, length?: number) => Value;

/** `json()` writes here first. Records that may need more than this go through an object instead. */
const SCRATCH = recordView(new Uint8Array(1 << 18));

function short(name: string, size: number, length: number): never {
  throw new BpfError(
    'SKEP_RECORD_SHORT',
    `A record of ${length} bytes is shorter than its type "${name}" (${size}).`,
    {
      hint: 'The program writes another type than its map declares: compare them, or see if the record is cut.',
    },
  );
}

/**
 * Makes a decoder for one type: code that reads exactly its members at their offsets. Code is generated when a
 * method is first used, never per record.
 *
 * `typeId` is a struct or union; any other type becomes one column named `value`, and so does a struct that
 * `options.format` takes as a whole.
 *
 * ```ts
 * const decoder = compileDecoder(btf, btf.find('event', 'struct')!.id);
 * ring.drain((offset, length) => console.log(decoder.json(ring.view, offset, length)));
 * ```
 * @throws {BpfError} `SKEP_TYPE_UNSUPPORTED` when the type, or a member, has no values (void, a function, a forward
 * declaration) or is too large; `SKEP_BTF_INVALID` when the type contradicts itself
 */
export function compileDecoder(btf: Btf, typeId: number, options: DecodeOptions = {}): Decoder {
  const plan = new PlanBuilder(btf, options).build(typeId, true);
  const whole = (plan.kind === 'struct' || plan.kind === 'union') && !plan.format;
  const value: MemberPlan = { name: 'value', offset: 0, plan, typeId, tags: btf.declTags(typeId) };
  const root: StructPlan = whole ? plan : { kind: 'struct', size: plan.size, members: [value] };
  return new CompiledDecoder(btf.nameOf(typeId), typeId, root, planColumns(btf, root.members));
}

class CompiledDecoder implements Decoder {
  readonly typeId: number;
  readonly size: number;
  readonly columns: readonly Column[];
  readonly #name: string;
  readonly #root: StructPlan;
  readonly #planned: readonly PlannedColumn[];
  readonly #readers: Read[] = [];
  #decode: Decode | undefined;
  #jsonInto: JsonInto | undefined;
  #fixedBytes = 0;
  #bytesPerByte = 0;
  #utf8Names = false;

  constructor(name: string, typeId: number, root: StructPlan, planned: readonly PlannedColumn[]) {
    this.typeId = typeId;
    this.size = root.size;
    this.columns = planned.map((p) => p.column);
    this.#name = name;
    this.#root = root;
    this.#planned = planned;
  }

  decode(view: RecordView, offset: number, length = this.size): Record<string, Value> {
    this.#decode ??= this.#compileDecode();
    return this.#decode(view, offset, length);
  }

  json(view: RecordView, offset: number, length = this.size): string {
    const jsonInto = this.#jsonInto ?? this.#compileJson();
    written.utf8 = this.#utf8Names;
    const end = jsonInto(SCRATCH, 0, view, offset, length);
    if (end < 0) return stringify(this.decode(view, offset, length));
    return written.utf8 ? utf8(SCRATCH.u8, 0, end) : latin1(SCRATCH.u8, 0, end);
  }

  jsonInto(out: RecordView, position: number, view: RecordView, offset: number, length = this.size): number {
    const jsonInto = this.#jsonInto ?? this.#compileJson();
    return jsonInto(out, position, view, offset, length);
  }

  maxJsonBytes(length = this.size): number {
    if (!this.#jsonInto) this.#compileJson();
    return Math.ceil(this.#fixedBytes + this.#bytesPerByte * length);
  }

  column(index: number): Read {
    let read = this.#readers[index];
    if (!read) {
      const { plan, column } = this.#at(index);
      const src = new Source();
      const expression = readExpression(src, plan, 'o', column.offset, false);
      const parts = `const u8=view.u8,dv=view.dv,end=o+length;`;
      read = src.compile<Read>(`view,o,length=${this.size}`, `${parts}return ${expression};`);
      this.#readers[index] = read;
    }
    return read;
  }

  text(index: number, view: RecordView, offset: number, length = this.size): string {
    const value = this.column(index)(view, offset, length);
    const { format } = this.columns[index]!;
    if (format) return format.text(value);
    if (typeof value === 'string') return value;
    if (typeof value !== 'number') return stringify(value);
    const { kind, size } = this.columns[index]!;
    return kind === 'float' && size === 4 ? shortFloat(value) : String(value);
  }

  keyLayout(exclude: readonly string[] = []): KeyLayout {
    const kept = this.#planned.filter((p) => !exclude.includes(p.column.name));
    return layoutOf(this.#name, this.size, kept);
  }

  #at(index: number): PlannedColumn {
    const planned = this.#planned[index];
    if (planned) return planned;
    throw new BpfError('SKEP_NOT_FOUND', `The type "${this.#name}" has no column ${index}.`, {
      hint: `It has ${this.#planned.length}, counted from 0.`,
    });
  }

  /** What every generated function does first: nothing is read from a record that is not all there. */
  #check(src: Source): string {
    const args = `${JSON.stringify(this.#name)},${this.size},length`;
    const fits = `length>=${this.size}&&o>=0&&o+length<=u8.length`;
    return `const u8=view.u8,dv=view.dv,end=o+length;if(!(${fits}))${src.constant(short)}(${args});`;
  }

  #compileDecode(): Decode {
    const src = new Source();
    const expression = readExpression(src, this.#root, 'o', 0, true);
    return src.compile<Decode>('view,o,length', `${this.#check(src)}return ${expression};`);
  }

  #compileJson(): JsonInto {
    const src = new Source();
    const emitter = new JsonEmitter(src);
    emitter.emit(this.#root, 'o', 0);
    const body = emitter.finish();
    this.#fixedBytes = emitter.fixedBytes;
    this.#bytesPerByte = emitter.bytesPerByte;
    this.#utf8Names = emitter.utf8Names;
    const need = `const need=${emitter.fixedBytes}${emitter.bytesPerByte > 0 ? `+length*${emitter.bytesPerByte}` : ''};`;
    const room = `${need}const ob=out.u8,od=out.dv;if(p+need>ob.length)return -1;`;
    this.#jsonInto = src.compile<JsonInto>(
      'out,p,view,o,length',
      `${this.#check(src)}${room}${body}return p;`,
    );
    return this.#jsonInto;
  }
}

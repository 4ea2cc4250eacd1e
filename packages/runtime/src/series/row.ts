import type { Value } from '@skep/bpf';
import type { Series } from '../contract/series.ts';
import type { Num, Stack } from '../contract/stream.ts';
import { plus, toNum } from '../num.ts';
import type { StreamInfo } from '../streams/stream.ts';
import type { Histogram } from './histogram.ts';

/** What identifies a row, decoded once. */
export interface RowKey {
  /** Tells the rows of a stream apart. */
  readonly id: string;
  readonly labels: readonly (readonly [string, string])[];
  readonly data: Record<string, Value>;
  readonly stacks?: readonly Stack[];
  /** A label as people read it, where that is another text. */
  text?(label: number): string | undefined;
}

/** The one implementation of {@link Series}: labels that stay and values that are added to. */
export class Row implements Series {
  readonly id: number;
  readonly stream: StreamInfo;
  readonly key: RowKey;
  readonly values: Value[];
  readonly histogram?: Histogram;
  readonly overflow: boolean;
  changedAt: number;
  /** How many raw keys lead here; the row leaves with the last. */
  refs = 0;
  /** Set by the run's filters. */
  filter: ((row: Row) => boolean) | undefined;
  /** Texts of the values, where their type has a form of its own. */
  readonly #texts: readonly ((v: Value) => string)[];

  constructor(
    id: number,
    stream: StreamInfo,
    key: RowKey,
    options: { overflow?: boolean; histogram?: Histogram; tick: number },
  ) {
    this.id = id;
    this.stream = stream;
    this.key = key;
    this.overflow = options.overflow ?? false;
    this.histogram = options.histogram;
    this.changedAt = options.tick;
    const fields = stream.fields.filter((f) => f.role === 'value');
    this.values = fields.map(() => 0);
    this.#texts = fields.map((f) => f.source?.format?.text ?? plainText);
  }

  get labels(): readonly (readonly [string, string])[] {
    return this.key.labels;
  }

  get data(): Record<string, Value> {
    return this.key.data;
  }

  get stacks(): readonly Stack[] {
    return this.key.stacks ?? [];
  }

  get value(): Num {
    for (const v of this.values) if (typeof v === 'number' || typeof v === 'bigint') return v;
    return 0;
  }

  get shown(): boolean {
    return this.filter === undefined || this.filter(this);
  }

  text(i: number): string {
    const labels = this.stream.fields.length - this.values.length;
    if (i < labels) return this.#labelText(i);
    return this.#texts[i - labels]!(this.values[i - labels]!);
  }

  /** Labels have the exact number; people get it as its type reads (`1.5ms`). */
  #labelText(i: number): string {
    const text = this.key.text ? (this.key.text(i) ?? '') : (this.labels[i]?.[1] ?? '');
    const format = this.stream.fields[i]!.source?.format;
    const number = Number(text);
    return format && !format.json && text !== '' && !Number.isNaN(number) ? format.text(number) : text;
  }

  add(i: number, delta: Num, tick: number): void {
    this.values[i] = plus(toNum(this.values[i]!), delta);
    this.changedAt = tick;
  }

  set(i: number, value: Value, tick: number): void {
    this.values[i] = value;
    this.changedAt = tick;
  }

  /** After the histogram was added to. */
  counted(tick: number): void {
    this.values[0] = this.histogram!.count;
    this.changedAt = tick;
  }
}

function plainText(v: Value): string {
  if (typeof v === 'number' && !Number.isInteger(v)) return String(Number(v.toPrecision(6)));
  if (typeof v === 'object' && v !== null)
    return Array.isArray(v) ? `[${v.map(plainText).join(' ')}]` : structText(v);
  return String(v);
}

function structText(v: { [k: string]: Value }): string {
  return `{${Object.entries(v)
    .map(([k, x]) => `${k}=${plainText(x)}`)
    .join(' ')}}`;
}

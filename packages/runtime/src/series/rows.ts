import type { Decoder, RecordView, Value } from '@skep/bpf';
import { StackRowKey } from '../stacks/row-key.ts';
import { prune, type StreamInfo } from '../streams/stream.ts';
import { Histogram } from './histogram.ts';
import { Row, type RowKey } from './row.ts';

export interface RowsOptions {
  decoder: Decoder;
  /** Columns of the decoder that are labels. */
  labels: readonly number[];
  maxSeries: number;
  /** Bounds of a hist_ stream. */
  bounds?: readonly number[];
  hasSum?: boolean;
  /** Stamps of changes; shared by the run. */
  clock: { tick: number };
  /** Gives ids that are never used again; shared by the run. */
  nextId: () => number;
  filter?: (row: Row) => boolean;
}

/**
 * The rows of one stream by what their labels say. Two raw keys may say the same (padding, bytes behind a text's
 * NUL): they share a row. Above `maxSeries` new ones share the overflow row; a print_ stream has none and leaves
 * them out.
 */
export class Rows {
  readonly stream: StreamInfo;
  readonly options: RowsOptions;
  readonly #byText = new Map<string, Row>();
  readonly #hidden: string[];
  readonly #scalarKey: boolean;
  #overflow: Row | undefined;
  /** Keys that a print_ stream has no room for now. */
  leftOut = 0;

  constructor(stream: StreamInfo, options: RowsOptions) {
    this.stream = stream;
    this.options = options;
    const { columns } = options.decoder;
    this.#hidden = columns.filter((_, i) => !options.labels.includes(i)).map((c) => c.name);
    this.#scalarKey = columns.length === 1 && columns[0]!.name === 'value';
  }

  get size(): number {
    return this.#byText.size + (this.#overflow ? 1 : 0);
  }

  get full(): boolean {
    return this.#byText.size >= this.options.maxSeries;
  }

  *[Symbol.iterator](): Iterator<Row> {
    yield* this.#byText.values();
    if (this.#overflow) yield this.#overflow;
  }

  /** The row for the raw key at `offset`, made when it is new; undefined when a print_ stream has no room. */
  resolve(view: RecordView, offset: number): Row | undefined {
    const { labels } = this.options;
    const fields = this.stream.fields;
    const texts = labels.map((i) => this.#label(i, view, offset));
    const id = texts.join('\0');
    let row = this.#byText.get(id);
    if (row === undefined) {
      if (this.full) return this.stream.kind === 'print' ? undefined : this.overflow();
      const data = this.#data(view, offset);
      const named = texts.map((t, i) => [fields[i]!.name, t] as const);
      row = this.#make(this.#withStacks({ id, labels: named, data }, view, offset), false);
      this.#byText.set(id, row);
    }
    row.refs++;
    return row;
  }

  /** A raw key is gone; the row leaves with its last one. */
  release(row: Row): void {
    if (row.overflow || --row.refs > 0) return;
    this.#byText.delete(row.key.id);
  }

  /** The row of what came after the cap. */
  overflow(): Row {
    this.#overflow ??= this.#make({ id: '', labels: [], data: {} }, true);
    return this.#overflow;
  }

  /**
   * A label's text tells all values apart: a format that only rounds for people (`1.5ms`) is left to the view, one
   * that names (`10.0.0.1`, `ENOENT`) is used.
   */
  #label(i: number, view: RecordView, offset: number): string {
    const { decoder } = this.options;
    const { format } = decoder.columns[i]!;
    const stack = this.stream.stackReader?.columns.findIndex((s) => s.column === i) ?? -1;
    if (stack >= 0) return this.stream.stackReader!.identity(stack, view, offset);
    if (format === undefined) return decoder.text(i, view, offset);
    const value = decoder.column(i)(view, offset);
    const plain = format.json ? format.json(value) : value;
    return typeof plain === 'object' ? decoder.text(i, view, offset) : String(plain);
  }

  /** Stacks are taken now, and spelled out when somebody looks. */
  #withStacks(key: RowKey, view: RecordView, offset: number): RowKey {
    const { stackReader, columns } = this.stream;
    if (!stackReader) return key;
    const found = stackReader.columns.flatMap((column, s) => {
      const label = this.options.labels.indexOf(column.column);
      if (label < 0) return [];
      const path = this.#scalarKey ? this.stream.fields[0]!.name : columns[column.column]!.name;
      return [{ label, path, column, stack: stackReader.take(s, view, offset) }];
    });
    return new StackRowKey(key.id, key.labels, key.data, found);
  }

  #make(key: RowKey, overflow: boolean): Row {
    const { bounds, hasSum, clock } = this.options;
    const histogram = this.stream.kind === 'hist' ? new Histogram(bounds ?? [], hasSum ?? true) : undefined;
    const row = new Row(this.options.nextId(), this.stream, key, { overflow, histogram, tick: clock.tick });
    row.filter = this.options.filter;
    return row;
  }

  #data(view: RecordView, offset: number): Record<string, Value> {
    const { decoder, labels } = this.options;
    if (labels.length === 0) return {};
    const decoded = decoder.decode(view, offset);
    if (this.#scalarKey) return { [this.stream.fields[0]!.name]: decoded.value! };
    return prune(decoded, this.#hidden);
  }
}

import type { Decoder, RecordView, Value } from '@skep/bpf';
import { prune, type StreamInfo } from '../streams/stream.ts';
import { Histogram } from './histogram.ts';
import { Row } from './row.ts';

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
    const key = texts.join('\0');
    let row = this.#byText.get(key);
    if (row === undefined) {
      if (this.full) return this.stream.kind === 'print' ? undefined : this.overflow();
      const data = this.#data(view, offset);
      row = this.#make({ labels: texts.map((t, i) => [fields[i]!.name, t] as const), data }, false);
      this.#byText.set(key, row);
    }
    row.refs++;
    return row;
  }

  /** A raw key is gone; the row leaves with its last one. */
  release(row: Row): void {
    if (row.overflow || --row.refs > 0) return;
    this.#byText.delete(row.labels.map(([, text]) => text).join('\0'));
  }

  /** The row of what came after the cap. */
  overflow(): Row {
    this.#overflow ??= this.#make({ labels: [], data: {} }, true);
    return this.#overflow;
  }

  /**
   * A label's text tells all values apart: a format that only rounds for people (`1.5ms`) is left to the view, one
   * that names (`10.0.0.1`, `ENOENT`) is used.
   */
  #label(i: number, view: RecordView, offset: number): string {
    const { decoder } = this.options;
    const { format } = decoder.columns[i]!;
    if (format === undefined) return decoder.text(i, view, offset);
    const value = decoder.column(i)(view, offset);
    const plain = format.json ? format.json(value) : value;
    return typeof plain === 'object' ? decoder.text(i, view, offset) : String(plain);
  }

  #make(key: { labels: (readonly [string, string])[]; data: Record<string, Value> }, overflow: boolean): Row {
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

import type { Writable } from 'node:stream';
import { type RecordView, stringify, type Value } from '@skep/bpf';
import type { Run } from '../contract/run.ts';
import type { Series } from '../contract/series.ts';
import type { Sink } from '../contract/sink.ts';
import type { RunSummary } from '../contract/stats.ts';
import type { Stream } from '../contract/stream.ts';
import { jsonValue } from '../streams/stream.ts';
import { count, LineBuffer } from './line-buffer.ts';
import { isFull, type Output, openOutput } from './output.ts';
import { Rfc3339 } from './rfc3339.ts';

export interface JsonSinkOptions {
  /** A file descriptor, a stream, or an output of your own. Standard output unless said. */
  output?: number | Writable | Output;
  /** Most bytes that wait for a slow reader, 8 MiB unless said; what comes then is dropped and counted. */
  queueBytes?: number;
  /** How long the end waits for the reader, 1 s unless said. */
  finishMs?: number;
}

const CHUNK = 256 * 1024;
/** A flush at most this often while events flow. */
const FLUSH_MS = 50;
/** A record's line that is longer than this finds out by trying. */
const TYPICAL = 512;

/**
 * A JSON object a line: `{"time":…,"map":…,"data":{…}}`; of a run with several probes
 * `{"time":…,"probe":…,"map":…,"data":{…}}`. A record of a container has before its map what that is:
 * `"resource":{"k8s.pod.name":…}`.
 *
 * Records as they come; series that changed at each interval, and all of them at the end. Lines are collected and
 * written in large chunks, after a quiet moment at once, else each 50 ms. A reader that goes away ends the run.
 *
 * ```ts
 * const run = await startRun({ name: 'oomkill', objects, sinks: [new JsonSink()] });
 * ```
 */
export class JsonSink implements Sink {
  readonly name = 'json';
  readonly #options: JsonSinkOptions;
  readonly #time = new Rfc3339();
  #output: Output | undefined;
  #lines: LineBuffer | undefined;
  #run: Run | undefined;
  /** `","map":…,"data":` of each stream, with `"probe"` before it where the run has several. */
  #middles: string[] = [];
  /** What a record's line begins with, made anew when time or stream change: a batch mostly shares it. */
  #head = Buffer.alloc(0);
  #headTime = Number.NaN;
  #headStream = -1;
  #headPlace: Readonly<Record<string, string>> | undefined;
  /** The longest line of a record so far, bytes. */
  #longest = TYPICAL;
  #flushed = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: JsonSinkOptions = {}) {
    this.#options = options;
  }

  start(run: Run): void {
    this.#run = run;
    const { output = 1, queueBytes = 8 * 1024 * 1024 } = this.#options;
    this.#output = isOutput(output) ? output : openOutput(output);
    this.#output.onClose(
      (error) => void (isFull(error) ? run.stop('error', error) : run.stop('output-closed')),
    );
    const several = run.probes.length > 1;
    this.#middles = run.streams.map((s) => {
      const probe = several ? `"probe":${JSON.stringify(s.probe)},` : '';
      return `",${probe}"map":${JSON.stringify(s.map)},"data":`;
    });
    this.#lines = new LineBuffer({
      output: this.#output,
      chunkBytes: CHUNK,
      chunks: Math.max(2, Math.ceil(queueBytes / CHUNK)),
      onLost: (tag, lines) => run.countLost(run.streams[tag]!.map, 'slow_output', lines),
    });
  }

  record(stream: Stream, view: RecordView, offset: number, length: number, timeMs: number): void {
    const place = stream.place?.(view, offset);
    if (timeMs !== this.#headTime || stream.id !== this.#headStream || place !== this.#headPlace)
      this.#newHead(stream, timeMs, place);
    const head = this.#head;
    const lines = this.#lines!;
    let chunk = lines.room(TYPICAL, stream.id);
    if (chunk === undefined) return;
    let end = stream.jsonInto(chunk.view, chunk.used + head.length, view, offset, length);
    if (end < 0 || end + 2 > chunk.bytes.length) {
      // No room in this chunk: a fresh one has, unless the record is a giant, which then goes by way of a string.
      chunk = lines.room(CHUNK, stream.id);
      if (chunk === undefined) return;
      end = stream.jsonInto(chunk.view, chunk.used + head.length, view, offset, length);
      if (end < 0 || end + 2 > chunk.bytes.length) {
        lines.append(`${head.toString()}${stream.json(view, offset, length)}}\n`, stream.id);
        return;
      }
    }
    const { bytes, used } = chunk;
    bytes.set(head, used);
    bytes[end] = 0x7d;
    bytes[end + 1] = 0x0a;
    chunk.used = end + 2;
    if (end + 2 - used > this.#longest) this.#longest = end + 2 - used;
    count(chunk, stream.id);
  }

  room(): number {
    return this.#lines!.roomFor(this.#longest);
  }

  drained(): void {
    const lines = this.#lines!;
    if (lines.pending === 0) return;
    const now = performance.now();
    const wait = FLUSH_MS - (now - this.#flushed);
    if (wait <= 0) this.#flush(now);
    else this.#timer ??= setTimeout(() => this.#flush(performance.now()), Math.max(1, wait));
  }

  tick(run: Run): void {
    const now = Date.now();
    for (const series of run.series)
      if (series.changedAt === run.series.tick && series.shown) this.#series(series, now);
    this.drained();
  }

  async stop(_summary: RunSummary): Promise<void> {
    clearTimeout(this.#timer);
    if (!this.#run || !this.#lines) return;
    const now = Date.now();
    for (const series of this.#run.series) if (series.shown) this.#series(series, now);
    await this.#lines.finish(this.#options.finishMs ?? 1000);
    this.#output!.close();
  }

  #series(series: Series, now: number): void {
    const { id } = series.stream;
    const data = stringify(seriesData(series));
    this.#lines!.append(`{"time":"${this.#time.format(now)}${this.#middles[id]}${data}}\n`, id);
  }

  #newHead(stream: Stream, timeMs: number, place: Readonly<Record<string, string>> | undefined): void {
    const where = place === undefined ? '' : `","resource":${JSON.stringify(place)}`;
    const middle = this.#middles[stream.id]!;
    const rest = where === '' ? middle : where + middle.slice(1);
    this.#head = Buffer.from(`{"time":"${this.#time.format(timeMs)}${rest}`);
    this.#headPlace = place;
    this.#headTime = timeMs;
    this.#headStream = stream.id;
  }

  #flush(now: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushed = now;
    this.#lines!.flushWhenIdle();
  }
}

/** Labels and values of a series in one object, as the JSON lines have it: nested and spelled as records are. */
export function seriesData(series: Series): Record<string, Value> {
  const out: Record<string, Value> = { ...series.data };
  if (series.overflow) out.otel_metric_overflow = true;
  const values = series.stream.fields.filter((f) => f.role === 'value');
  values.forEach((field, i) => {
    putValue(out, field.name, jsonValue(field, series.values[i]!));
  });
  const h = series.histogram;
  if (h) {
    if (h.sum !== undefined) out.sum = h.sum;
    out.buckets = Array.from(h.counts, (count, i) => ({ le: h.bounds[i] ?? '+Inf', count })).filter(
      (b) => b.count > 0,
    );
  }
  return out;
}

/** Puts a value at a dotted path. Structs on the way may be of the key, which is others' too: they are copied. */
function putValue(out: Record<string, Value>, path: string, value: Value): void {
  const parts = path.split('.');
  const last = parts.pop()!;
  let at = out;
  for (const part of parts) {
    at[part] = { ...(at[part] as Record<string, Value> | undefined) };
    at = at[part];
  }
  at[last] = value;
}

function isOutput(o: number | Writable | Output): o is Output {
  return typeof o === 'object' && 'onClose' in o;
}

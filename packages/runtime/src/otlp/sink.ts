import { hostname } from 'node:os';
import type { RecordView } from '@skep/bpf';
import type { ExportStats } from '../contract/exports.ts';
import type { Run } from '../contract/run.ts';
import type { Series } from '../contract/series.ts';
import type { Sink } from '../contract/sink.ts';
import type { Stream } from '../contract/stream.ts';
import { jsonValue } from '../streams/stream.ts';
import type { Attributes, AttributeValue, Resource, Scope } from './data.ts';
import { OtlpExporter } from './exporter.ts';
import { attributeNames } from './names.ts';
import { RunMetrics } from './run-metrics.ts';
import { type OtlpSettings, otlpSettings } from './settings.ts';
import { labelValue, stackValue, timeOf } from './values.ts';
import type { Variables } from './variables.ts';

export interface OtlpSinkOptions {
  /** A base URL, as `skep run --otlp`; OTEL_EXPORTER_OTLP_ENDPOINT unless said. */
  url?: string;
  env?: Variables;
  /** Between two exports of metrics; OTEL_METRIC_EXPORT_INTERVAL, or 60 s. */
  metricIntervalMs?: number;
  /** Of skep, for the resource. */
  version: string;
  /** Told what is wrong with the receiver, once, and when it works again. */
  onTrouble?: (text: string) => void;
  /** How long the end waits for the receiver, 2 s unless said. */
  finishMs?: number;
}

/**
 * Sends a run by OTLP: its series and own figures as metrics at an interval and at the end, its records as events
 * (log records with a name) as they come. Never slows the run.
 *
 * ```ts
 * await startRun({ name, objects, sinks: [new OtlpSink({ url: 'http://127.0.0.1:4318', version: '0.1.0' })] });
 * ```
 */
export class OtlpSink implements Sink {
  readonly name = 'otlp';
  readonly #options: OtlpSinkOptions;
  readonly #settings: OtlpSettings | undefined;
  readonly #resource: Resource;
  #scope: Scope;
  #otlp: OtlpExporter | undefined;
  #run: Run | undefined;
  #events: readonly EventMaker[] = [];

  /** @throws RuntimeError SKEP_OTLP for a URL or a variable that cannot be used */
  constructor(options: OtlpSinkOptions) {
    this.#options = options;
    this.#settings = otlpSettings(options);
    this.#scope = { name: 'skep', version: options.version };
    this.#resource = { attributes: { ...ownAttributes(options.version), ...this.#settings?.resource } };
    if (!this.#settings)
      options.onTrouble?.('OTLP is switched off by the environment (OTEL_SDK_DISABLED, OTEL_…_EXPORTER)');
  }

  start(run: Run): void {
    if (!this.#settings) return;
    this.#run = run;
    // A run has no spans.
    const { traces: _, ...destinations } = this.#settings.destinations;
    const { onTrouble, version } = this.#options;
    this.#scope = { name: 'skep', version, attributes: { 'skep.probe': run.name } };
    const settings = { ...this.#settings, destinations };
    this.#otlp = new OtlpExporter({ settings, scope: this.#scope, onTrouble });
    const scopes = new Map(
      run.probes.map((probe) => {
        const own = { name: 'skep', version, attributes: { 'skep.probe': probe } };
        return [probe, run.probes.length > 1 ? own : this.#scope] as const;
      }),
    );
    const nameOf = (stream: Stream): string => (run.probes.length > 1 ? stream.probe : run.name);
    this.#events = run.streams.map(
      (stream) => new EventMaker(stream, `${nameOf(stream)}.${stream.name}`, scopes.get(stream.probe)!),
    );
    this.#otlp.addMetrics(new RunMetrics(run, this.#resource, this.#scope, Date.now(), scopes));
  }

  attached(): void {
    this.#otlp?.start();
  }

  record(stream: Stream, view: RecordView, offset: number, _length: number, timeMs: number): void {
    const logs = this.#otlp?.logs;
    if (!logs) return;
    // Nobody pays for reading what has no room.
    if (logs.full) {
      logs.refuse();
      return;
    }
    const event = this.#events[stream.id]!;
    this.#add(event, timeMs, event.attributes(view, offset));
  }

  tick(run: Run): void {
    const logs = this.#otlp?.logs;
    if (!logs) return;
    for (const stream of run.streams) {
      if (stream.kind !== 'print' || stream.yields !== 'series') continue;
      for (const series of run.series.of(stream)) {
        if (series.changedAt !== run.series.tick || !series.shown) continue;
        if (logs.full) logs.refuse();
        else this.#row(series);
      }
    }
  }

  async stop(): Promise<void> {
    if (this.#run) this.tick(this.#run);
    await this.#otlp?.stop({ withinMs: this.#options.finishMs });
  }

  exports(): readonly ExportStats[] {
    return this.#otlp?.stats() ?? [];
  }

  #row(series: Series): void {
    const event = this.#events[series.stream.id]!;
    this.#add(event, Date.now(), event.rowAttributes(series));
  }

  #add({ eventName, scope }: EventMaker, timeMs: number, attributes: Attributes): void {
    this.#otlp!.logs.add({
      time: timeOf(timeMs),
      observed: timeOf(Date.now()),
      eventName,
      attributes,
      resource: this.#resource,
      scope,
    });
  }
}

/** Makes the records of one stream events: each field an attribute of its type. */
class EventMaker {
  readonly eventName: string;
  readonly scope: Scope;
  readonly #stream: Stream;
  readonly #names: readonly string[];
  /** For each field, which of the stream's stacks it is; -1 for none. */
  readonly #stacks: readonly number[];

  constructor(stream: Stream, eventName: string, scope: Scope) {
    this.scope = scope;
    this.#stream = stream;
    this.eventName = eventName;
    this.#names = attributeNames(stream.fields.map((f) => f.name));
    this.#stacks = stream.fields.map((f) => stream.stackColumns.findIndex((s) => s.column === f.column));
  }

  /** The same of a row of a print_ map: its key, then its numbers. */
  rowAttributes(series: Series): Attributes {
    const { fields } = this.#stream;
    const labels = fields.filter((f) => f.role === 'label').length;
    const out: Record<string, AttributeValue> = {};
    fields.forEach((field, i) => {
      const label = series.labels[i]?.[1] ?? '';
      out[this.#names[i]!] =
        i < labels ? labelValue(field, label) : jsonValue(field, series.values[i - labels]!);
    });
    return out;
  }

  attributes(view: RecordView, offset: number): Attributes {
    const stream = this.#stream;
    const stacks = stream.stackColumns.length > 0 ? stream.stacks(view, offset) : [];
    const out: Record<string, AttributeValue> = { ...stream.place?.(view, offset) };
    for (let i = 0; i < this.#names.length; i++) {
      const stack = this.#stacks[i]!;
      out[this.#names[i]!] =
        stack >= 0 ? stackValue(stacks[stack]) : jsonValue(stream.fields[i]!, stream.read(i, view, offset));
    }
    return out;
  }
}

/** What the environment may say otherwise. */
function ownAttributes(version: string): Attributes {
  return {
    'service.name': 'skep',
    'service.version': version,
    'service.instance.id': crypto.randomUUID(),
    'host.name': hostname(),
    'os.type': 'linux',
  };
}

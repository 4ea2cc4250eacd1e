import type { ExportStats } from '../contract/exports.ts';
import { Batcher } from './batcher.ts';
import { Collector } from './collector.ts';
import type { LogData, MetricSource, Scope, Signal, SpanData } from './data.ts';
import { Encoder } from './encode.ts';
import { ExportLedger } from './ledger.ts';
import { Sender } from './sender.ts';
import type { Destination, OtlpSettings } from './settings.ts';
import { logSize, spanSize } from './size.ts';

export interface OtlpExporterOptions {
  readonly settings: OtlpSettings;
  /** Of what comes without one: `{ name: 'skep', version }`. */
  readonly scope: Scope;
  /** Most bytes that wait, for spans and for log records each; 8 MiB unless said. */
  readonly queueBytes?: number;
  /** How long a request is retried before it counts as lost to `timeout`, milliseconds; 60 s unless said. */
  readonly retryMs?: number;
  /** Told when a receiver begins to fail and when it works again: a sentence without a line end. */
  readonly onTrouble?: (text: string) => void;
}

/** Takes finished spans. */
export interface SpanSink {
  /**
   * Hands in a span, which must not change afterwards. Costs under a microsecond and never waits.
   *
   * @returns false when it was dropped; the exporter has counted it
   */
  add(span: SpanData): boolean;
}

/** Takes log records. */
export interface LogSink {
  /** As {@link SpanSink.add}. */
  add(record: LogData): boolean;
  /** There is no room now: a record need not be made; {@link refuse} counts it. */
  readonly full: boolean;
  refuse(): void;
}

const NOBODY = { add: () => false, full: true, refuse: () => undefined };

/**
 * Sends spans, log records and metrics by OTLP over HTTP, each signal on its own: one that is slow or dead does not hold up the
 * others, the caller, or memory. What is handed in is delivered, waits, or is lost and counted with its reason.
 *
 * ```ts
 * const otlp = new OtlpExporter({ settings, scope: { name: 'skep', version: '0.1.0' } });
 * otlp.addMetrics({ collect: () => services.map((s) => s.metrics()) });
 * otlp.start();
 * otlp.spans.add({ traceId, spanId, name: 'GET /users/{id}', kind: 'server', start, end, resource: service.resource });
 * await otlp.stop({ withinMs: 2000 });
 * ```
 */
export class OtlpExporter {
  /** Drops everything, uncounted, when spans are not sent (OTEL_TRACES_EXPORTER=none). */
  readonly spans: SpanSink;
  /** Likewise. */
  readonly logs: LogSink;
  readonly #parts: { finish(deadline: number): Promise<void> }[] = [];
  readonly #stats: (() => ExportStats)[] = [];
  readonly #metrics: Collector | undefined;

  constructor(options: OtlpExporterOptions) {
    const { settings, queueBytes = 8 * 1024 * 1024 } = options;
    const { traces, logs, metrics } = settings.destinations;
    this.spans = NOBODY;
    this.logs = NOBODY;
    if (traces) {
      const { ledger, sender, encoder } = channel(options, 'traces', traces);
      const encode = (spans: readonly SpanData[]) => encoder.spans(spans);
      const limits = settings.batches.traces;
      this.spans = this.#part(
        new Batcher<SpanData>({ limits, queueBytes, ledger, sender, encode, size: spanSize }),
        ledger,
      );
    }
    if (logs) {
      const { ledger, sender, encoder } = channel(options, 'logs', logs);
      const encode = (records: readonly LogData[]) => encoder.logs(records);
      const limits = settings.batches.logs;
      this.logs = this.#part(
        new Batcher<LogData>({ limits, queueBytes, ledger, sender, encode, size: logSize }),
        ledger,
      );
    }
    if (metrics) {
      const { ledger, sender, encoder } = channel(options, 'metrics', metrics);
      const encode: Encoder['metrics'] = (resources) => encoder.metrics(resources);
      const intervalMs = settings.metricIntervalMs;
      this.#metrics = this.#part(new Collector({ intervalMs, ledger, sender, encode }), ledger);
    }
  }

  /** Whether metrics are sent: if not, sources are never asked. */
  get sendsMetrics(): boolean {
    return this.#metrics !== undefined;
  }

  /** Asks this source too, at each interval and at the end. */
  addMetrics(source: MetricSource): void {
    this.#metrics?.add(source);
  }

  removeMetrics(source: MetricSource): void {
    this.#metrics?.remove(source);
  }

  /** Begins to collect metrics; spans and log records are sent without. */
  start(): void {
    this.#metrics?.start();
  }

  /** What became of everything, one entry a signal that is sent. */
  stats(): ExportStats[] {
    return this.#stats.map((stats) => stats());
  }

  /**
   * Collects metrics for the last time, sends what waits, and closes. What is not answered in time is lost to `shutdown`. Never
   * rejects.
   */
  async stop({ withinMs = 2000 }: { withinMs?: number } = {}): Promise<void> {
    const deadline = performance.now() + withinMs;
    await Promise.all(this.#parts.map((part) => part.finish(deadline)));
  }

  #part<T extends { readonly waiting: number; finish(deadline: number): Promise<void> }>(
    part: T,
    ledger: ExportLedger,
  ): T {
    this.#parts.push(part);
    this.#stats.push(() => ledger.stats(part.waiting));
    return part;
  }
}

function channel(options: OtlpExporterOptions, signal: Signal, to: Destination) {
  const { scope, retryMs = 60_000, settings, onTrouble = () => undefined } = options;
  const ledger = new ExportLedger(signal, to.url);
  const userAgent = `${scope.name}/${scope.version ?? '0'}`;
  // A snapshot of metrics that is older than the next one is worth nothing any more.
  const within = signal === 'metrics' ? Math.min(retryMs, settings.metricIntervalMs) : retryMs;
  const sender = new Sender({ to, signal, ledger, userAgent, retryMs: within, onTrouble });
  return { ledger, sender, encoder: new Encoder(to.encoding, scope) };
}

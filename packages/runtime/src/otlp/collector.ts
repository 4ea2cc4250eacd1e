import type { MetricData, MetricSource, ResourceMetrics } from './data.ts';
import type { ExportLedger } from './ledger.ts';
import type { Sender } from './sender.ts';

/** Points of one request: of histograms they are about 400 bytes each, and encoding them takes 4 ms. */
export const POINTS_PER_REQUEST = 2000;

export interface CollectorOptions {
  readonly intervalMs: number;
  readonly ledger: ExportLedger;
  readonly sender: Pick<Sender, 'send' | 'ending' | 'close'>;
  readonly encode: (resources: readonly ResourceMetrics[]) => Uint8Array;
}

/**
 * Asks the sources at each interval and sends what they have. While a collection is under way there is no other: what is
 * cumulative loses nothing by being read later, and nothing has to be kept.
 */
export class Collector {
  readonly #o: CollectorOptions;
  readonly #sources = new Set<MetricSource>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #waiting = 0;
  #closed = false;

  constructor(options: CollectorOptions) {
    this.#o = options;
  }

  /** Points that were collected and are not answered yet. */
  get waiting(): number {
    return this.#waiting;
  }

  add(source: MetricSource): void {
    this.#sources.add(source);
  }

  remove(source: MetricSource): void {
    this.#sources.delete(source);
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.flush(), this.#o.intervalMs).unref();
  }

  /** Collects and sends now, unless that is under way; resolves when it has been answered. Never rejects. */
  flush(): Promise<void> {
    this.#running ??= this.#collect().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Collects and sends for the last time, until `deadline` (performance.now()). */
  async finish(deadline: number): Promise<void> {
    const { sender } = this.#o;
    clearInterval(this.#timer);
    sender.ending();
    const timer = setTimeout(
      () => {
        this.#closed = true;
        sender.close();
      },
      Math.max(0, deadline - performance.now()),
    );
    await this.#running;
    if (!this.#closed) await this.flush();
    clearTimeout(timer);
    sender.close();
  }

  async #collect(): Promise<void> {
    const { ledger, sender, encode } = this.#o;
    const all: ResourceMetrics[] = [];
    for (const source of this.#sources) {
      try {
        all.push(...(await source.collect()));
      } catch (error) {
        ledger.lastError = `metrics could not be read: ${(error as Error).message}`;
      }
    }
    const points = all.reduce((sum, r) => sum + pointsOf(r), 0);
    ledger.handedIn += points;
    this.#waiting = points;
    for (const { resources, count } of portions(all, POINTS_PER_REQUEST)) {
      if (this.#closed) ledger.lose('shutdown', count);
      else {
        // Encoding is done a request at a time; in between others have their turn.
        await new Promise((resolve) => setImmediate(resolve));
        let body: Uint8Array | undefined;
        try {
          body = encode(resources);
        } catch (error) {
          ledger.lastError = `cannot be encoded: ${(error as Error).message}`;
          ledger.lose('invalid', count);
        }
        if (body) await sender.send(body, count);
      }
      this.#waiting -= count;
    }
  }
}

function pointsOf(r: ResourceMetrics): number {
  return r.metrics.reduce((sum, m) => sum + m.points.length, 0);
}

/** The same in portions of at most so many points; a metric may be divided, its points are not. */
export function* portions(
  all: readonly ResourceMetrics[],
  most: number,
): Generator<{ resources: readonly ResourceMetrics[]; count: number }> {
  let resources: { resource: ResourceMetrics; metrics: MetricData[] }[] = [];
  let count = 0;
  const taken = () => {
    const out = { resources: resources.map((r) => ({ ...r.resource, metrics: r.metrics })), count };
    resources = [];
    count = 0;
    return out;
  };
  for (const resource of all) {
    for (const m of resource.metrics) {
      for (let from = 0; from < m.points.length; ) {
        const points = m.points.slice(from, from + most - count);
        if (resources.at(-1)?.resource !== resource) resources.push({ resource, metrics: [] });
        const whole = points.length === m.points.length;
        resources.at(-1)!.metrics.push(whole ? m : ({ ...m, points } as MetricData));
        from += points.length;
        count += points.length;
        if (count >= most) yield taken();
      }
    }
  }
  if (count > 0) yield taken();
}

import type { Run } from '../contract/run.ts';
import type { Sink } from '../contract/sink.ts';
import type { RuntimeError } from '../errors.ts';
import { MetricsEndpoint } from './endpoint.ts';
import { prometheusText } from './text.ts';

export interface MetricsServerOptions {
  /** Loopback unless said. */
  host?: string;
  /** 9091 unless said; 0 for any free one. */
  port?: number;
  /** Somebody asked for this address: it must be free. Otherwise an occupied one only means no /metrics. */
  required?: boolean;
  beeNames?: boolean;
}

/** Whether /metrics is served, and where or why not. */
export type MetricsStatus =
  | { readonly listening: true; readonly host: string; readonly port: number; readonly url: string }
  | { readonly listening: false; readonly reason: string };

/**
 * Serves the metrics of a run while it lasts: see {@link MetricsEndpoint}.
 *
 * ```ts
 * const metrics = new MetricsServer({ port: 9091, required: true });
 * await startRun({ name, objects, sinks: [metrics] });
 * if (metrics.status.listening) console.log(metrics.status.url);
 * ```
 */
export class MetricsServer implements Sink {
  readonly name = 'metrics';
  status: MetricsStatus = { listening: false, reason: 'not started' };
  readonly #options: MetricsServerOptions;
  #endpoint: MetricsEndpoint | undefined;
  #run: Run | undefined;
  #attached = false;

  constructor(options: MetricsServerOptions = {}) {
    this.#options = options;
  }

  /**
   * Takes the address.
   *
   * @throws RuntimeError SKEP_PORT_IN_USE, SKEP_LISTEN when a required address cannot be had
   */
  async prepare(): Promise<void> {
    const { host, port = 9091, required, beeNames } = this.#options;
    try {
      this.#endpoint = await MetricsEndpoint.listen({
        ...{ host, port, name: 'skep' },
        // OpenMetrics has no count of a histogram without its sum, and who asks for rates wants the count.
        openMetrics: () => !beeNames && (this.#run?.streams.every((s) => s.hasSum !== false) ?? true),
        ready: () => this.#attached,
        exposition: (openMetrics) => this.#run && text(this.#run, openMetrics, beeNames),
      });
    } catch (error) {
      if (required) throw error;
      this.status = { listening: false, reason: (error as RuntimeError).message };
      return;
    }
    const { host: at, port: on, url } = this.#endpoint;
    this.status = { listening: true, host: at, port: on, url };
  }

  start(run: Run): void {
    this.#run = run;
  }

  attached(): void {
    this.#attached = true;
  }

  async stop(): Promise<void> {
    const endpoint = this.#endpoint;
    this.#endpoint = undefined;
    this.#run = undefined;
    if (!endpoint) return;
    this.status = { listening: false, reason: 'stopped' };
    await endpoint.close();
  }
}

async function* text(run: Run, openMetrics: boolean, beeNames = false): AsyncGenerator<string> {
  yield await prometheusText(run, { openMetrics, beeNames });
}

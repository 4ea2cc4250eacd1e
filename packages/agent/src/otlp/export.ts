import type { Host } from '@skep/identity';
import type { ExportStats } from '@skep/runtime';
import { OtlpExporter, otlpSettings } from '@skep/runtime/otlp';
import type { Span } from '../spans/spans.ts';
import { AgentMetricSource, type MetricsParts } from './metrics.ts';
import { Resources } from './resources.ts';
import { spanData } from './spans.ts';

export interface ExportOptions extends Omit<MetricsParts, 'resources'> {
  readonly url?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly metricIntervalMs?: number;
  readonly version: string;
  readonly host: Host;
  readonly onTrouble: (text: string) => void;
}

/** Sends the agent's spans and metrics by OTLP. */
export class AgentExport {
  readonly #otlp: OtlpExporter;
  readonly #resources: Resources;

  private constructor(otlp: OtlpExporter, resources: Resources) {
    this.#otlp = otlp;
    this.#resources = resources;
  }

  /**
   * Undefined when the environment has switched OTLP off.
   *
   * @throws RuntimeError SKEP_OTLP for a URL or a variable that cannot be used
   */
  static start(options: ExportOptions): AgentExport | undefined {
    const { url, env, version, host, metricIntervalMs } = options;
    const settings = otlpSettings({ url, env, metricIntervalMs, signals: ['traces', 'metrics'] });
    if (!settings) {
      options.onTrouble('OTLP is switched off by the environment (OTEL_SDK_DISABLED, OTEL_…_EXPORTER)');
      return undefined;
    }
    const own = {
      'service.name': 'skep-agent',
      'service.version': version,
      'service.instance.id': crypto.randomUUID(),
      'host.name': host.name,
      'os.type': 'linux',
    };
    const resources = new Resources(host, own, settings.resource);
    const scope = { name: 'skep', version };
    const otlp = new OtlpExporter({ settings, scope, onTrouble: options.onTrouble });
    otlp.addMetrics(new AgentMetricSource({ ...options, resources }));
    otlp.start();
    return new AgentExport(otlp, resources);
  }

  span(span: Span): void {
    this.#otlp.spans.add(spanData(span, this.#resources));
  }

  stats(): ExportStats[] {
    return this.#otlp.stats();
  }

  /** The last metrics and what waits; never longer than two seconds. */
  async stop(): Promise<void> {
    await this.#otlp.stop({ withinMs: 2000 });
  }
}

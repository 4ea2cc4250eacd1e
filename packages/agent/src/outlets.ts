import type { Host } from '@skep/identity';
import { MetricsEndpoint } from '@skep/runtime';
import { ControlServer } from './control/server.ts';
import type { Ask } from './control/socket.ts';
import { AgentError } from './errors.ts';
import type { AgentOptions } from './options.ts';
import type { AgentExport } from './otlp/export.ts';
import type { SeriesStore } from './series/store.ts';
import type { Span } from './spans/spans.ts';
import type { AgentStatus } from './status.ts';

/** Whom the outlets ask. */
export interface Behind {
  readonly options: AgentOptions;
  readonly host: Host;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Whether all programs are attached. */
  readonly attached: () => boolean;
  /** The text of /metrics, everything read anew. */
  readonly exposition: (openMetrics: boolean) => AsyncIterable<string>;
  /** All series, everything read anew. */
  readonly series: () => Promise<SeriesStore>;
  readonly status: () => AgentStatus;
  readonly answer: (ask: Ask['ask']) => Promise<unknown>;
  readonly note: (text: string) => void;
}

/** Where what the agent knows goes out: /metrics, OTLP, the socket that questions come by. Each is there only if asked for. */
export class Outlets {
  /** Addresses that were had, by what is there. */
  readonly listens: Record<string, string> = {};
  readonly #behind: Behind;
  #metrics: MetricsEndpoint | undefined;
  #export: AgentExport | undefined;
  #control: ControlServer | undefined;

  constructor(behind: Behind) {
    this.#behind = behind;
  }

  /** @throws RuntimeError SKEP_PORT_IN_USE, SKEP_LISTEN */
  async openMetrics(): Promise<void> {
    const { options, attached, exposition } = this.#behind;
    if (!options.prom) return;
    this.#metrics = await MetricsEndpoint.listen({
      ...options.prom,
      name: 'skep agent',
      ready: attached,
      exposition: (openMetrics) => (attached() ? exposition(openMetrics) : undefined),
    });
    this.listens.metrics = this.#metrics.url;
  }

  /**
   * The serializers are OpenTelemetry's: only who sends loads them.
   *
   * @throws RuntimeError SKEP_OTLP
   */
  async openExport(): Promise<void> {
    const { options, host, startedAt, series, status, note } = this.#behind;
    const { otlp, version } = options;
    if (!otlp) return;
    const { AgentExport } = await import('./otlp/export.ts');
    this.#export = AgentExport.start({
      ...otlp,
      ...{ version, host, series, status },
      startedAt: BigInt(startedAt) * 1_000_000n,
      onTrouble: note,
    });
  }

  /**
   * Nobody asked for the usual socket: that another agent has it is no reason not to run.
   *
   * @throws AgentError SKEP_AGENT_RUNNING, SKEP_AGENT_SOCKET when the socket is required
   */
  async openControl(): Promise<void> {
    const { options, answer, note } = this.#behind;
    const { socket } = options;
    if (!socket) return;
    try {
      this.#control = await ControlServer.listen(socket.path, answer);
      this.listens.socket = socket.path;
    } catch (error) {
      if (socket.required || !(error instanceof AgentError)) throw error;
      note(`nobody can ask this agent: ${error.message}`);
    }
  }

  /** To be sent; dropped where nothing is. */
  span(span: Span): void {
    this.#export?.span(span);
  }

  /** What became of what was handed in for export. */
  exports(): AgentStatus['exports'] {
    return this.#export?.stats() ?? [];
  }

  /** Sends what waits, and closes all. */
  async close(): Promise<void> {
    await this.#export?.stop();
    await this.#metrics?.close();
    await this.#control?.close();
  }
}

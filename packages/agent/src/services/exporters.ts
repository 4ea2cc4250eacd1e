import { ConnectedTo, type Host, whenConnected } from '@skep/identity';
import type { Processes } from './processes.ts';

/** OTLP by gRPC and by HTTP, Datadog's agent, Zipkin, Jaeger by both. */
const PORTS = [4317, 4318, 8126, 9411, 14_250, 14_268];
const EVERY_MS = 15_000;

/**
 * Looks now and then which services are connected to a receiver of spans: gRPC and TLS cannot be looked into, and an SDK that a
 * program starts in its own code leaves no other sign.
 */
export class Exporters {
  readonly #processes: Processes;
  readonly #connected: ConnectedTo;
  readonly #clock: () => number;
  #lookedAt: number;
  #looking: Promise<void> | undefined;

  constructor(host: Host, processes: Processes, clock: () => number) {
    this.#processes = processes;
    this.#connected = new ConnectedTo(host, PORTS);
    this.#clock = clock;
    this.#lookedAt = clock();
  }

  /** To be called often, does something each few seconds, and never twice at once. */
  look(): void {
    if (this.#looking || this.#clock() - this.#lookedAt < EVERY_MS) return;
    this.#looking = this.now().finally(() => {
      this.#looking = undefined;
    });
  }

  /** Looks at once. */
  async now(): Promise<void> {
    this.#lookedAt = this.#clock();
    const asked = [...this.#processes.running()].flatMap(({ identity, service }) => {
      const { process, runtime, sdks } = identity;
      const { net: netns } = process.namespaces;
      const tells = whenConnected({ language: runtime?.language, sdks }) && !service.takesSpans;
      return netns !== undefined && tells ? [{ pid: process.pid, netns, service }] : [];
    });
    const connected = await this.#connected.among(asked);
    for (const { pid, service } of asked) {
      if (!connected.has(pid)) continue;
      service.exportedAt = this.#clock();
      service.exportedBy = 'a connection to the port of a receiver';
    }
  }
}

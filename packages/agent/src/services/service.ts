import type { Identity, Sdk } from '@skep/identity';

/** What runs under one name on this machine: one process or many. */
export class Service {
  /** Its number in the kernel. */
  readonly id: number;
  readonly name: string;
  readonly namespace: string | undefined;
  /** Who its youngest process is; undefined for the agent's own and those of which nothing is known. */
  identity: Identity | undefined;
  /** Its processes that run. */
  readonly pids = new Set<number>();
  /** Tracing libraries of its youngest process of which that is known. */
  sdks: readonly Sdk[] = [];
  /** When it was last seen to export spans, and by what, milliseconds of the agent's clock. */
  exportedAt = Number.NEGATIVE_INFINITY;
  exportedBy = '';
  /** It is sent spans to export, as a collector or a proxy is: what it exports need not be its own. */
  takesSpans = false;
  /** When a request to it was first counted. */
  servedAt: number | undefined;
  /** When a process of it last began or a request of it was last counted, milliseconds of the agent's clock. */
  activeAt: number;
  /** Label sets that count for it. */
  series = 0;

  constructor(id: number, name: string, namespace: string | undefined, now: number) {
    this.id = id;
    this.name = name;
    this.namespace = namespace;
    this.activeAt = now;
  }
}

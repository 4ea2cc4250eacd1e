import type { Lost, Run, RunStats, RunSummary, SeriesRegistry, Stream } from '@skep/runtime';
import type { Agent } from '../agent.ts';
import { errorType, type Series } from '../series/series.ts';
import { few } from '../services/few.ts';
import { fullName } from '../services/full-name.ts';
import { spanInfo } from '../spans/info.ts';
import type { Span } from '../spans/spans.ts';
import { timeOfDay } from '../spans/time-of-day.ts';
import { count, duration, rate, TableRow, text } from './row.ts';
import { ENDPOINTS, SERVICES, SPANS } from './streams.ts';

/** Callers that a row names. */
const CALLERS = 4;
/** And ports. */
const PORTS = 4;

/** What the runtime's live view is shown of an agent: a run whose rows are services, endpoints and spans. */
export class AgentRun implements Run {
  readonly probes = ['skep agent'];
  readonly streams: readonly Stream[] = [SERVICES, ENDPOINTS, SPANS];
  readonly intervalMs = 1000;
  readonly closed: Promise<RunSummary> = new Promise(() => undefined);
  readonly series: SeriesRegistry;
  readonly #began = new Date();
  readonly #begunAt = performance.now();
  /** Of the services that are shown, and those that were the last time. */
  #ids = new Map<string, number>();
  #idsBefore = new Map<string, number>();
  readonly #objectIds = new WeakMap<Span | Series, number>();
  #next = 1;
  #rows: readonly (readonly TableRow[])[] = [[], [], []];
  #agent: Agent | undefined;

  constructor() {
    const rowsOf = (stream: Stream) => this.#rows[stream.id]!;
    const size = () => this.#rows.reduce((sum, rows) => sum + rows.length, 0);
    this.series = {
      get size() {
        return size();
      },
      tick: 0,
      of: rowsOf,
      count: (stream) => rowsOf(stream).length,
      refresh: () => Promise.resolve(),
      [Symbol.iterator]: () => this.#rows.flat()[Symbol.iterator](),
    };
  }

  /** What stands on top: also whether any of it can be believed. */
  get name(): string {
    const failed = this.#agent?.selfCheck.state === 'failed';
    return failed
      ? 'skep agent   ITS CHECK OF ITSELF FAILED: these figures are not to be trusted'
      : 'skep agent';
  }

  /** From now on it has something to show. */
  of(agent: Agent): void {
    this.#agent = agent;
  }

  /** Takes what the agent knows now; the view's `tick` then paints it. */
  update(): void {
    const agent = this.#agent;
    if (!agent) return;
    this.#idsBefore = this.#ids;
    this.#ids = new Map();
    this.#rows = [
      agent.services().map((s) => {
        const serves = s.server.requests > 0;
        const { p50, p95, p99, errorRate } = serves ? s.server : s.client;
        const { calledBy } = s;
        return new TableRow(this.#id(`${s.namespace ?? ''}/${s.name}`), SERVICES, [
          text(fullName(s.name, s.namespace)),
          text(s.language),
          text(few(s.ports.map(String), PORTS, ',')),
          serves ? rate(s.server.rate) : { text: '', key: -1 },
          rate(errorRate),
          duration(p50),
          duration(p95),
          duration(p99),
          text(few(calledBy, CALLERS, ', ')),
          rate(s.client.rate),
        ]);
      }),
      [...agent.series]
        .sort((a, b) => b.count - a.count)
        .map((s) => {
          const { labels } = s;
          return new TableRow(this.#idOf(s), ENDPOINTS, [
            text(labels.service ? fullName(labels.service.name, labels.service.namespace) : '(overflow)'),
            text(labels.method),
            text(labels.overflow ? '(overflow)' : labels.route),
            { text: labels.status === 0 ? errorType(labels) : String(labels.status), key: labels.status },
            count(s.count),
            duration(s.sum / s.count / 1e6),
            text(labels.role),
            text(labels.peer.service?.name ?? labels.peer.address?.ip),
          ]);
        }),
      agent.recentSpans.toReversed().map((span) => {
        const s = spanInfo(span);
        return new TableRow(this.#idOf(span), SPANS, [
          text(timeOfDay(s.time)),
          text(fullName(s.service, s.namespace)),
          text(s.method),
          text(s.route),
          text(s.status === undefined ? s.error : String(s.status)),
          duration(s.durationMs),
          text(s.reason),
          text(s.role),
          text(s.peer),
        ]);
      }),
    ];
  }

  map(name: string): never {
    throw new Error(`the view has no map ${name}`);
  }

  stats(): RunStats {
    const status = this.#agent?.status();
    const { user, system } = process.cpuUsage();
    const notCounted = Object.entries(status?.notCounted ?? {}).map(
      // The agent's reasons are not the runtime's; to the view they are words.
      ([reason, n]) => ({ map: 'requests', reason, count: n }) as unknown as Lost,
    );
    return {
      probes: [],
      startedAt: this.#began,
      elapsedMs: performance.now() - this.#begunAt,
      events: { requests: status?.requests ?? 0 },
      filtered: {},
      lost: [...(status?.lost ?? []), ...notCounted],
      lossUnknown: [],
      exports: status?.exports ?? [],
      foundFull: {},
      missed: [],
      missesUnknown: [],
      evictionsUnknown: [],
      programs: [],
      programStats: false,
      hooks: status?.hooks ?? [],
      decodeErrors: 0,
      series: this.series.size,
      ownCpuUs: user + system,
      notes: [],
    };
  }

  readNow(): void {}

  countLost(): void {}

  stop(): Promise<RunSummary> {
    return this.closed;
  }

  #id(key: string): number {
    const id = this.#idsBefore.get(key) ?? this.#next++;
    this.#ids.set(key, id);
    return id;
  }

  #idOf(object: Span | Series): number {
    let id = this.#objectIds.get(object);
    if (id === undefined) {
      id = this.#next++;
      this.#objectIds.set(object, id);
    }
    return id;
  }
}

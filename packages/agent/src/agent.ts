import { Identities } from '@skep/identity';
import { type Run, type RunSummary, type Sink, startRun } from '@skep/runtime';
import { Activity } from './activity.ts';
import { Budget } from './budget.ts';
import type { Ask } from './control/socket.ts';
import { IMAGES, readImage } from './images/images.ts';
import { requestFamilies } from './metrics/requests.ts';
import { selfText } from './metrics/self.ts';
import { Notes } from './notes.ts';
import type { AgentOptions } from './options.ts';
import { Outlets } from './outlets.ts';
import { probeParams } from './params.ts';
import { Pipeline } from './pipeline.ts';
import type { Series } from './series/series.ts';
import { SeriesStore } from './series/store.ts';
import { ServersAhead } from './services/ahead.ts';
import { type ServiceInfo, serviceInfo } from './services/info.ts';
import { REMEMBER_MS } from './services/processes.ts';
import type { Service } from './services/service.ts';
import { Services } from './services/services.ts';
import { spanInfo } from './spans/info.ts';
import { isDouble } from './spans/own.ts';
import type { Span } from './spans/spans.ts';
import type { AgentStatus } from './status.ts';
import { statusOf } from './status-of.ts';

const TICK_MS = 1_000;
/** A scrape right after a tick, or another scrape, reads nothing anew. */
const FRESH_MS = 50;
/** Spans have time: the kernel lets 200 a second through, and their ring holds those of ten seconds. */
const SPANS_MS = 100;
/** Services of which it is said that they export spans of their own; status counts those of all. Likewise processes that are a fault. */
const TOLD_OF = 10;

/**
 * The node agent: counts the requests of every service of this machine, in the kernel.
 *
 * ```ts
 * const agent = await startAgent({ version: '0.1.0', prom: { port: 9464 } });
 * for (const s of agent.services()) console.log(s.name, s.server.rate, s.server.p99);
 * await agent.stop();
 * ```
 *
 * @throws AgentError; RuntimeError, BpfError, ProbeError as startRun
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const agent = new Agent(options);
  await agent.start();
  return agent;
}

/** A running agent. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #clock = () => performance.now();
  readonly #startedAt = Date.now();
  readonly #begunAt = performance.now();
  readonly #services: Services;
  readonly #store: SeriesStore;
  readonly #own = new SeriesStore();
  readonly #activity = new Activity();
  readonly #budget: Budget;
  readonly #notes: Notes;
  readonly #identities: Identities;
  readonly #ahead: ServersAhead;
  readonly #outlets: Outlets;
  #run!: Run;
  #pipeline!: Pipeline;
  #attachedAt = 0;
  #final: AgentStatus | undefined;
  #timers: NodeJS.Timeout[] = [];
  #spansLeft = 0;
  #faults = 0;
  readonly #leftTo = new Set<Service>();
  #stopping: Promise<RunSummary> | undefined;

  /** Use {@link startAgent}. */
  constructor(options: AgentOptions) {
    this.#options = options;
    const { limits = {}, cpuBudgetPercent } = options;
    this.#services = new Services({ most: limits.services });
    this.#store = new SeriesStore({ most: limits.series });
    const setGap = (ns: bigint) => {
      this.#pipeline.tables.spanGap = ns;
    };
    this.#notes = new Notes(options.onNote);
    const note = (text: string) => this.#notes.add(text);
    this.#identities = new Identities({
      clock: this.#clock,
      graceMs: REMEMBER_MS,
      onFault: (pid, error) => {
        if (this.#faults++ < TOLD_OF)
          note(`process ${pid} goes by its kernel's name, since it could not be looked at: ${error}`);
      },
    });
    this.#ahead = new ServersAhead(this.#identities);
    this.#budget = new Budget(cpuBudgetPercent, setGap, note);
    this.#outlets = new Outlets({
      ...{ options, note, host: this.#identities.host, startedAt: this.#startedAt },
      attached: () => this.#attachedAt > 0,
      exposition: (openMetrics) => this.#exposition(openMetrics),
      series: async () => {
        await this.refresh();
        return this.#store;
      },
      status: () => this.status(),
      answer: (ask) => this.#answer(ask),
    });
  }

  /** Resolves when it has ended, by {@link stop} or by a fault, which it then carries. */
  get closed(): Promise<RunSummary> {
    return this.#run.closed;
  }

  /** All that is running: the programs, their hooks and losses. */
  get run(): Run {
    return this.#run;
  }

  /** All label sets, with what they counted since the agent began. */
  get series(): Iterable<Series> {
    return this.#store;
  }

  /** The spans of late, newest last. */
  get recentSpans(): readonly Span[] {
    return this.#pipeline.spans.recent;
  }

  /** What its check of itself found last. */
  get selfCheck(): AgentStatus['selfCheck'] {
    return this.#pipeline.checker.result;
  }

  /** @internal */
  async start(): Promise<void> {
    const { watch = {}, sampling = {}, hooks, objects = IMAGES.map(readImage) } = this.#options;
    this.#run = await startRun({
      name: 'agent',
      objects,
      params: probeParams(watch, sampling, this.#options.callers ?? false),
      hooks,
      rawMaps: ['hist_http_requests'],
      drainMs: { print_http_spans: SPANS_MS },
      intervalMs: 60_000,
      programStats: false,
      // What they can do is read from their code when they are tested, not at each start, a tenth of which that took.
      allowModify: true,
      sinks: [this.#sink()],
    });
    this.#pipeline.tables.closed = false;
    this.#attachedAt = this.#clock();
    this.#activity.begin(this.#attachedAt);
    this.#budget.begin();
    this.#timers.push(setInterval(() => void this.#tick(), TICK_MS));
    // A fault of the run ends the rest, too.
    void this.#run.closed.then(() => this.stop());
    try {
      await this.#outlets.openControl();
    } catch (error) {
      await this.stop();
      throw error;
    }
    const { selfCheckMs = 60_000 } = this.#options;
    const { checker } = this.#pipeline;
    void checker.check();
    if (selfCheckMs > 0) this.#timers.push(setInterval(() => void checker.check(), selfCheckMs));
  }

  /** Detaches everything and leaves nothing in the kernel. What was counted up to now is in {@link services} and metrics. */
  stop(): Promise<RunSummary> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<RunSummary> {
    const summary = await this.#run.stop();
    for (const timer of this.#timers) clearInterval(timer);
    await this.#outlets.close();
    // What the last export did is known only now.
    if (this.#final) this.#final = { ...this.#final, exports: this.#outlets.exports() };
    return summary;
  }

  /** Everything is detached and nothing more is counted; the maps are still there. Also after a start that failed. */
  async #ended(): Promise<void> {
    this.#ahead.end();
    if (!this.#attachedAt) {
      await this.#outlets.close();
      return;
    }
    this.#pipeline.stop();
    await this.#pipeline.collector.finish();
    this.#pipeline.spans.finish();
    this.#final = this.status();
  }

  async #answer(ask: Ask['ask']): Promise<unknown> {
    if (ask === 'traces') return this.recentSpans.map(spanInfo);
    await this.refresh();
    return ask === 'services' ? this.services() : this.status();
  }

  /** Brings all counts up to date with the kernel's; cheap when that was done just now. */
  async refresh(): Promise<void> {
    if (this.#final) return;
    const { collector } = this.#pipeline;
    await collector.collect(FRESH_MS);
    this.#activity.counted(collector.collectedAt);
  }

  /** Checks that what is counted is right, now. */
  checkSelf(): Promise<AgentStatus['selfCheck']> {
    return this.#pipeline.checker.check();
  }

  /** All services with what they did in the last seconds, busiest first. */
  services(): ServiceInfo[] {
    return [...this.#services]
      .map((service) => serviceInfo(service, this.#activity, this.#clock()))
      .filter((info) => info.server.requests > 0 || info.client.requests > 0)
      .sort(
        (a, b) =>
          b.server.rate + b.client.rate - (a.server.rate + a.client.rate) ||
          b.server.requests - a.server.requests ||
          (a.name < b.name ? -1 : 1),
      );
  }

  /** What is watched, by which hooks, what was lost, what it costs. */
  status(): AgentStatus {
    if (this.#final) return this.#final;
    return statusOf({
      options: this.#options,
      run: this.#run.stats(),
      pipeline: this.#pipeline,
      services: this.#services,
      store: this.#store,
      budget: this.#budget,
      startedAt: this.#startedAt,
      begunAt: this.#begunAt,
      attachedAt: this.#attachedAt,
      spansLeft: this.#spansLeft,
      exports: this.#outlets.exports(),
      listens: this.#outlets.listens,
      notes: this.#notes.all,
    });
  }

  #sink(): Sink {
    return {
      name: 'agent',
      // The objects load meanwhile, on threads.
      prepare: async () => {
        void this.#ahead.find().catch((error: Error) => {
          this.#notes.add(`servers are named when they are first called: ${error.message}`);
        });
        await this.#outlets.openMetrics();
      },
      start: async (run) => {
        this.#pipeline = this.#pipelineOf(run);
        this.#pipeline.tables.closed = true;
        this.#ahead.tell((pid) => this.#pipeline.processes.serviceOf(pid));
        await this.#outlets.openExport();
      },
      record: (stream, view, at) => this.#pipeline.record(stream.map, view, at),
      drained: () => {
        this.#pipeline.spans.settle();
        this.#pipeline.spans.batchEnded();
      },
      stop: () => this.#ended(),
    };
  }

  #pipelineOf(run: Run): Pipeline {
    return new Pipeline(run, {
      options: this.#options,
      identities: this.#identities,
      services: this.#services,
      store: this.#store,
      own: this.#own,
      clock: this.#clock,
      onCounted: (series, delta) => this.#activity.add(series, delta),
      onSpan: (span) => this.#onSpan(span),
      onNote: (text) => this.#notes.add(text),
      ended: () => this.#stopping !== undefined || this.#final !== undefined,
    });
  }

  #onSpan(span: Span): void {
    if (span.service === this.#services.self) {
      this.#pipeline.checker.span(span);
      return;
    }
    if (isDouble(span, this.#clock())) this.#leave(span);
    else this.#send(span);
    this.#options.onSpan?.(span);
  }

  /** Who misses the spans of a service is told why there are none. */
  #leave({ service, identity = service.identity }: Span): void {
    this.#spansLeft++;
    if (!this.#options.otlp || this.#leftTo.has(service) || this.#leftTo.size >= TOLD_OF) return;
    this.#leftTo.add(service);
    const sdk = identity?.sdks.find((s) => !s.off);
    const why = sdk ? ` (${sdk.name}: ${sdk.detail})` : service.exportedBy && ` (${service.exportedBy})`;
    const does = sdk?.evidence === 'linked' && !service.exportedBy ? 'may export' : 'exports';
    this.#notes.add(`spans of ${service.name} are not sent: it ${does} its own${why}`);
  }

  #send(span: Span): void {
    this.#outlets.span(span);
    const { service } = span;
    if (!this.#leftTo.delete(service)) return;
    this.#notes.add(`spans of ${service.name} are sent: it was not seen to export its own`);
  }

  async #tick(): Promise<void> {
    try {
      this.#activity.tick();
      const { spans, processes, routes, exporters } = this.#pipeline;
      await this.refresh();
      if (this.#stopping) return;
      const now = this.#clock();
      spans.settle();
      processes.tidy();
      exporters.look();
      routes.tidy(now);
      this.#services.expire(now, (service) => {
        routes.forget(service.id);
        this.#activity.forget(service);
      });
      this.#budget.look();
      this.#options.onTick?.();
    } catch (error) {
      void this.#run.stop('error', error);
    }
  }

  async *#exposition(openMetrics: boolean): AsyncIterable<string> {
    await this.refresh();
    yield* requestFamilies(this.#store, openMetrics);
    yield selfText(this.status(), openMetrics);
    if (openMetrics) yield '# EOF\n';
  }
}

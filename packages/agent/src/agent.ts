import { Listeners } from '@skep/identity';
import { type RawMap, type Run, type RunSummary, type Sink, startRun } from '@skep/runtime';
import { Activity } from './activity.ts';
import { Budget } from './budget.ts';
import { ControlServer } from './control/server.ts';
import type { Ask } from './control/socket.ts';
import { AgentError } from './errors.ts';
import { IMAGES, readImage } from './images/images.ts';
import { RAW_PROCESS, SELF } from './kernel/key.ts';
import { offsets } from './kernel/layout.ts';
import { KernelTables } from './kernel/tables.ts';
import { requestFamilies } from './metrics/requests.ts';
import { selfText } from './metrics/self.ts';
import { AgentMetrics } from './metrics/server.ts';
import type { AgentOptions } from './options.ts';
import type { AgentExport } from './otlp/export.ts';
import { ownPid, probeParams } from './params.ts';
import { Peers } from './peers/peers.ts';
import { pathText, Routes } from './routes/routes.ts';
import { SelfChecker } from './selfcheck/self-check.ts';
import { Collector } from './series/collector.ts';
import type { Series } from './series/series.ts';
import { SeriesStore } from './series/store.ts';
import { PROCESS_STREAM, processEvents } from './services/events.ts';
import { type ServiceInfo, serviceInfo } from './services/info.ts';
import { Processes, TOLD_MS } from './services/processes.ts';
import { Services } from './services/services.ts';
import { spanInfo } from './spans/info.ts';
import { spanReader } from './spans/span.ts';
import { type Span, Spans } from './spans/spans.ts';
import type { AgentStatus } from './status.ts';
import { unseenHere } from './unseen.ts';

const TICK_MS = 1_000;
/** A scrape right after a tick, or another scrape, reads nothing anew. */
const FRESH_MS = 50;

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
  readonly #services: Services;
  readonly #store: SeriesStore;
  readonly #own = new SeriesStore();
  readonly #activity = new Activity();
  readonly #budget: Budget;
  readonly #notes: string[] = [];
  readonly #listens: Record<string, string> = {};
  #run!: Run;
  #tables!: KernelTables;
  #processes!: Processes;
  #routes!: Routes;
  #peers!: Peers;
  #collector!: Collector;
  #spans!: Spans;
  #checker!: SelfChecker;
  #held: (() => number) | undefined;
  #attachedAt = 0;
  #metrics: AgentMetrics | undefined;
  #control: ControlServer | undefined;
  #final: AgentStatus | undefined;
  #export: AgentExport | undefined;
  #timers: NodeJS.Timeout[] = [];
  #later: NodeJS.Timeout | undefined;
  #spansLeft = 0;
  #stopping: Promise<RunSummary> | undefined;

  /** Use {@link startAgent}. */
  constructor(options: AgentOptions) {
    this.#options = options;
    const { limits = {}, cpuBudgetPercent } = options;
    this.#services = new Services({ most: limits.services });
    this.#store = new SeriesStore({ most: limits.series });
    const setGap = (ns: bigint) => {
      this.#tables.spanGap = ns;
    };
    this.#budget = new Budget(cpuBudgetPercent, setGap, (text) => this.#note(text));
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
    return this.#spans.recent;
  }

  /** @internal */
  async start(): Promise<void> {
    const { watch = {}, sampling = {}, prom, hooks, objects = IMAGES.map(readImage) } = this.#options;
    if (prom) {
      this.#metrics = await AgentMetrics.listen(prom, (open) => this.#exposition(open));
      this.#listens.metrics = this.#metrics.url;
    }
    try {
      this.#run = await startRun({
        name: 'agent',
        objects,
        params: probeParams(watch, sampling, this.#options.callers ?? false),
        hooks,
        rawMaps: ['hist_http_requests'],
        intervalMs: 60_000,
        programStats: false,
        sinks: [this.#sink()],
      });
    } catch (error) {
      await this.#metrics?.close();
      throw error;
    }
    this.#attachedAt = this.#clock();
    this.#timers.push(setInterval(() => void this.#tick(), TICK_MS));
    void this.#nameListeners();
    // A fault of the run ends the rest, too.
    void this.#run.closed.then(() => this.stop());
    await this.#openControl();
    const { selfCheckMs = 60_000 } = this.#options;
    void this.#checker.check();
    if (selfCheckMs > 0) this.#timers.push(setInterval(() => void this.#checker.check(), selfCheckMs));
  }

  /** Detaches everything and leaves nothing in the kernel. What was counted up to now is in {@link services} and metrics. */
  stop(): Promise<RunSummary> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<RunSummary> {
    const summary = await this.#run.stop();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#later);
    await this.#export?.stop();
    await this.#metrics?.close();
    await this.#control?.close();
    // What the last export did is known only now.
    if (this.#final && this.#export) this.#final = { ...this.#final, exports: this.#export.stats() };
    return summary;
  }

  /** Everything is detached and nothing more is counted; the maps are still there. */
  async #ended(): Promise<void> {
    if (!this.#collector) return;
    await this.#collector.collect();
    this.#spans.settle();
    this.#final = this.status();
  }

  /** Who serves already is named before its first request, so that nothing counts under its process. */
  async #nameListeners(): Promise<void> {
    try {
      const listeners = new Listeners(this.#processes.host);
      await listeners.refresh();
      for (const { pids } of listeners.all()) {
        for (const pid of pids) if (pid !== process.pid) this.#processes.serviceOf(pid);
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#stopping) return;
      }
    } catch (error) {
      this.#note(`servers are named when they are first called: ${(error as Error).message}`);
    }
  }

  /** Nobody asked for the usual socket: that another agent has it is no reason not to run. */
  async #openControl(): Promise<void> {
    const { socket } = this.#options;
    if (!socket) return;
    try {
      this.#control = await ControlServer.listen(socket.path, (ask) => this.#answer(ask));
      this.#listens.socket = socket.path;
    } catch (error) {
      if (socket.required || !(error instanceof AgentError)) {
        await this.stop();
        throw error;
      }
      this.#note(`nobody can ask this agent: ${error.message}`);
    }
  }

  async #answer(ask: Ask['ask']): Promise<unknown> {
    if (ask === 'traces') return this.#spans.recent.map(spanInfo);
    await this.refresh();
    return ask === 'services' ? this.services() : this.status();
  }

  /** Brings all counts up to date with the kernel's; cheap when that was done just now. */
  async refresh(): Promise<void> {
    if (this.#final) return;
    await this.#collector.collect(FRESH_MS);
  }

  /** Checks that what is counted is right, now. */
  checkSelf(): Promise<AgentStatus['selfCheck']> {
    return this.#checker.check();
  }

  /** All services with what they did in the last seconds, busiest first. */
  services(): ServiceInfo[] {
    return [...this.#services]
      .map((service) => serviceInfo(service, this.#activity))
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
    const stats = this.#run.stats();
    const { watch = {}, version } = this.#options;
    const { capacity } = this.#tables;
    const { lost, unseen } = this.#tables.reasons();
    const { user, system } = process.cpuUsage();
    const firstAt = this.#collector.firstAt;
    return {
      version,
      pid: process.pid,
      startedAt: this.#startedAt,
      uptimeSeconds: (Date.now() - this.#startedAt) / 1000,
      watched: Object.fromEntries(Object.entries(watch).filter(([, values]) => values && values.length > 0)),
      services: [...this.#services].filter((s) => s.series > 0).length,
      processes: this.#processes.size,
      requests: this.#collector.requests,
      firstMetricMs: firstAt === undefined ? undefined : Math.max(0, firstAt - this.#attachedAt),
      hooks: stats.hooks,
      notCounted: lost,
      unseenBytes: unseen,
      lost: stats.lost.filter((l) => l.count > 0),
      notToldApart: {
        kernel_series_full: this.#collector.overflowed,
        series_cap: this.#store.refused,
        services_cap: this.#services.refused,
        processes_full: this.#processes.refused,
        fingerprints_evicted: this.#routes.evicted,
        learned_full: this.#routes.learnRefused,
      },
      fill: {
        kernel_series: { used: this.#collector.entries, capacity: capacity.series },
        series: { used: this.#store.size, capacity: this.#options.limits?.series ?? 10_000 },
        services: { used: this.#services.size, capacity: this.#options.limits?.services ?? 4096 },
        processes: { used: this.#processes.size, capacity: capacity.processes },
        fingerprints: { used: this.#routes.fingerprints, capacity: capacity.fingerprints },
        learned: { used: this.#tables.learnedCount, capacity: capacity.learned },
        peers: { used: this.#peers.size, capacity: capacity.peers },
      },
      spans: {
        taken: this.#spans.taken,
        held: this.#held?.() ?? 0,
        left: this.#spansLeft,
        gapNs: Number(this.#budget.gapNs),
      },
      budget: {
        percent: this.#budget.percent,
        usedPercent: this.#budget.usedPercent,
        limiting: this.#budget.limiting,
      },
      cpuSeconds: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
      programs: stats.programStats
        ? stats.programs.map((p) => ({
            name: p.name,
            runs: Number(p.runs),
            seconds: Number(p.runTimeNs) / 1e9,
          }))
        : [],
      exports: this.#export?.stats() ?? [],
      selfCheck: this.#checker.result,
      listens: this.#listens,
      unseen: unseenHere(stats.hooks),
      notes: [...new Set([...stats.notes, ...this.#notes])],
    };
  }

  #sink(): Sink {
    let onSpan: ((view: Parameters<ReturnType<typeof spanReader>>[0], at: number) => void) | undefined;
    let onPath: typeof onSpan;
    let onProcess: typeof onSpan;
    return {
      name: 'agent',
      start: async (run) => {
        this.#wire(run);
        await this.#openExport();
        const readSpan = spanReader(run);
        onSpan = (view, at) => this.#spans.take(readSpan(view, at));
        onPath = this.#pathReader(run);
        onProcess = processEvents(run, this.#processes);
      },
      record: (stream, view, at) => {
        if (stream.map === 'print_http_spans') onSpan!(view, at);
        else if (stream.map === 'print_http_paths') onPath!(view, at);
        else if (stream.map === PROCESS_STREAM) onProcess!(view, at);
      },
      drained: () => {
        this.#spans.settle();
        this.#spans.updateClock();
      },
      stop: () => this.#ended(),
    };
  }

  #wire(run: Run): void {
    const tables = new KernelTables(run);
    const services = this.#services;
    const { limits, routes, sampling = {}, selfCheckMs = 60_000 } = this.#options;
    this.#tables = tables;
    this.#processes = new Processes(services, tables, this.#clock);
    this.#routes = new Routes(tables, { patterns: routes, limits });
    this.#peers = new Peers(tables, services, this.#processes);
    const parts = { services, processes: this.#processes, routes: this.#routes, peers: this.#peers };
    this.#collector = new Collector({
      ...parts,
      tables,
      store: this.#store,
      own: this.#own,
      clock: this.#clock,
      onCounted: (series, delta) => this.#activity.add(series, delta),
    });
    this.#spans = new Spans({ ...parts, clock: this.#clock, onSpan: (span) => this.#onSpan(span) });
    const held = heldCounter(run);
    this.#held = held;
    const sampleMs = sampling.anyMs ?? 10_000;
    this.#checker = new SelfChecker({
      collect: () => this.#collector.collect(),
      own: this.#own,
      heldSpans: held,
      ended: () => this.#stopping !== undefined || this.#final !== undefined,
      spansWanted: () => sampleMs > 0 && (selfCheckMs === 0 || sampleMs <= selfCheckMs),
      onChange: (text) => this.#note(text),
    });
  }

  #pathReader(run: Run) {
    const o = offsets(run.map('print_http_paths').value, 'http_path', ['path', 'service', 'length', 'text']);
    const take = (number: number, fingerprint: bigint, text: string): void => {
      const service =
        number === SELF
          ? this.#services.self
          : number >= RAW_PROCESS
            ? this.#processes.serviceOf(number - RAW_PROCESS)
            : this.#services.byId(number);
      if (service) this.#routes.path(fingerprint, service.id, text, this.#clock());
    };
    let early: Parameters<typeof take>[] = [];
    const later = (): void => {
      const paths = early;
      early = [];
      for (const path of paths) take(...path);
      this.#spans.settle();
    };
    return ({ u8, dv }: { u8: Uint8Array; dv: DataView }, at: number): void => {
      const number = dv.getUint32(at + o.service, true);
      const length = Math.min(256, dv.getUint32(at + o.length, true));
      const text = pathText(u8.subarray(at + o.text, at + o.text + 256), length);
      const fingerprint = dv.getBigUint64(at + o.path, true);
      if (number < RAW_PROCESS || this.#processes.knows(number - RAW_PROCESS))
        take(number, fingerprint, text);
      else if (early.push([number, fingerprint, text]) === 1) this.#later = setTimeout(later, TOLD_MS);
    };
  }

  #onSpan(span: Span): void {
    if (span.service === this.#services.self) {
      this.#checker.span(span);
      return;
    }
    if (span.service.tracesItself) this.#spansLeft++;
    else this.#export?.span(span);
    this.#options.onSpan?.(span);
  }

  /** The serializers are OpenTelemetry's: only who sends loads them. */
  async #openExport(): Promise<void> {
    const { otlp, version } = this.#options;
    if (!otlp) return;
    const { AgentExport } = await import('./otlp/export.ts');
    this.#export = AgentExport.start({
      ...otlp,
      version,
      host: this.#processes.host,
      startedAt: BigInt(this.#startedAt) * 1_000_000n,
      series: async () => {
        await this.refresh();
        return this.#store;
      },
      status: () => this.status(),
      onTrouble: (text) => this.#note(text),
    });
  }

  async #tick(): Promise<void> {
    try {
      this.#activity.tick();
      await this.#collector.collect(FRESH_MS);
      if (this.#stopping) return;
      const now = this.#clock();
      this.#spans.settle();
      this.#processes.tidy();
      this.#routes.tidy(now);
      this.#services.expire(now, (service) => {
        this.#routes.forget(service.id);
        this.#activity.forget(service);
      });
      this.#budget.look();
      this.#options.onTick?.();
    } catch (error) {
      void this.#run.stop('error', error);
    }
  }

  async *#exposition(openMetrics: boolean): AsyncIterable<string> {
    // Asked before the programs run: what is there is nothing.
    if (!this.#collector) return;
    await this.refresh();
    yield* requestFamilies(this.#store, openMetrics);
    yield selfText(this.status(), openMetrics);
  }

  #note(text: string): void {
    if (this.#notes.includes(text)) return;
    this.#notes.push(text);
    if (this.#notes.length > 50) this.#notes.shift();
    this.#options.onNote?.(text);
  }
}

/** Reads the probe's count of spans that the limit for the machine held back. */
function heldCounter(run: Pick<Run, 'map'>): () => number {
  const { map, value }: RawMap = run.map('.bss');
  const at = value.get('l7_spans_held')?.offset;
  return () => {
    const bytes = at === undefined ? undefined : map.get(new Uint8Array(4));
    return bytes ? Number(new DataView(bytes.buffer).getBigUint64(at!, true)) : 0;
  };
}

export { ownPid };

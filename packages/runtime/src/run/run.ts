import { setImmediate as turn } from 'node:timers/promises';
import { type BpfLink, closeLinks, possibleCpus, type RecordView } from '@skep/bpf';
import { compareClocks } from '@skep/probe';
import type { LostReason } from '../contract/losses.ts';
import type { RawMap, Run } from '../contract/run.ts';
import type { Sink } from '../contract/sink.ts';
import type { RunProbe, RunStats, RunSummary, StopReason } from '../contract/stats.ts';
import type { Stream } from '../contract/stream.ts';
import { Ledger } from '../ledger.ts';
import { Registry } from '../series/registry.ts';
import { type IteratorSource, iterate } from '../sources/iterate.ts';
import type { Poll } from '../sources/poll.ts';
import { type Ring, type WireContext, wire } from '../sources/wire.ts';
import type { StackNamer } from '../stacks/namer.ts';
import type { PlannedMap } from '../streams/build.ts';
import { bindFilters, type Filter, recordFilter, rowFilter } from '../streams/filter.ts';
import type { PlannedIterator } from '../streams/iterators.ts';
import type { StreamInfo } from '../streams/stream.ts';
import { EvictionWatch } from './evictions.ts';
import { ownAccounts, uncountedStacks } from './losses.ts';
import { MissCounter } from './misses.ts';
import { closeOpened, type Opened } from './open.ts';
import { blame, distinct, probesOf } from './probes.ts';
import { rawMap } from './raw-map.ts';

/** How long the end waits for slow sinks to take what is still in the buffers. */
const FINISH_MS = 1000;

export interface ActiveRunInit {
  name: string;
  opened: readonly Opened[];
  planned: readonly PlannedMap[];
  iterators: readonly PlannedIterator[];
  iterate: 'once' | 'interval' | 'hold';
  filters: readonly Filter[];
  sinks: readonly Sink[];
  intervalMs: number;
  maxSeries: number;
  drainMs: Readonly<Record<string, number>>;
  maxEvents?: number;
  notes: readonly string[];
  /** Names stacks; there when some stream has any. */
  namer?: StackNamer;
}

/** The one implementation of {@link Run}: from loaded objects to the summary. */
export class ActiveRun implements Run {
  readonly name: string;
  readonly probes: readonly string[];
  readonly streams: readonly StreamInfo[];
  readonly series = new Registry();
  readonly intervalMs: number;
  readonly closed: Promise<RunSummary>;
  readonly #init: ActiveRunInit;
  readonly #ledger = new Ledger();
  readonly #recorders: Sink[];
  readonly #drainers: Sink[];
  readonly #startedAt = new Date();
  readonly #cpuAtStart = process.cpuUsage();
  readonly #startedMs = performance.now();
  #rings: Ring[] = [];
  #iterators: IteratorSource[] = [];
  #context: WireContext | undefined;
  readonly #accounts: (() => void)[] = [];
  #uncountedStacks: () => string[] = () => [];
  readonly #polls: { stream: Stream; poll: Poll }[] = [];
  #links: BpfLink[] = [];
  #misses: MissCounter | undefined;
  #evictions: EvictionWatch | undefined;
  #programStats: Disposable | undefined;
  #timers: NodeJS.Timeout[] = [];
  /** Events that may still be taken; counted from the print_ streams, or from all when there are none. */
  #left: number;
  readonly #printing: boolean;
  #decodeErrors = 0;
  #stopping: { reason: StopReason; error?: unknown } | undefined;
  #started = false;
  #ticking = false;
  #final: RunStats | undefined;
  #resolve!: (summary: RunSummary) => void;

  constructor(init: ActiveRunInit) {
    this.#init = init;
    this.name = init.name;
    this.probes = probesOf(init.opened);
    this.intervalMs = init.intervalMs;
    const streams = allStreams(init);
    this.streams = streams;
    this.#printing = streams.some((s) => s.yields === 'records');
    this.#left = init.maxEvents ?? Number.POSITIVE_INFINITY;
    this.#recorders = init.sinks.filter((s) => s.record);
    this.#drainers = init.sinks.filter((s) => s.drained);
    this.closed = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Opens the buffers and tells the sinks. Nothing is attached yet. */
  async open(): Promise<void> {
    const { opened, planned, iterators, filters, maxSeries, drainMs, sinks } = this.#init;
    const bound = bindFilters(filters, allStreams(this.#init));
    const filterOf = (stream: Stream) => bound.get(stream as never);
    this.#context = {
      registry: this.series,
      ledger: this.#ledger,
      maxSeries,
      drainMs,
      opened,
      take: this.#take,
      onRecord: this.#onRecord,
      onDrained: this.#onDrained,
      room: this.#room,
      onError: (error) => void this.stop('error', error),
      namer: this.#init.namer,
      rowFilter: (stream) => {
        const filters = filterOf(stream);
        return filters && rowFilter(filters);
      },
      recordFilter: (stream) => {
        const filters = filterOf(stream);
        return filters && recordFilter(stream as StreamInfo, filters);
      },
    };
    for (const p of planned) {
      const { ring, poll, account } = wire(p, this.#context);
      this.#accounts.push(account);
      if (poll) this.#polls.push({ stream: p.plan.stream, poll });
      if (ring) this.#rings.push(ring);
    }
    this.#evictions = new EvictionWatch(opened, possibleCpus(), (o, map) => {
      const at = planned.findIndex((p) => p.opened === o && p.map === map);
      const poll = this.#polls.find((p) => p.stream === planned[at]?.plan.stream)?.poll;
      return poll && (() => poll.peak);
    });
    this.#accounts.push(...ownAccounts(opened, planned, possibleCpus(), this.#ledger));
    const ofMaps = planned.map((p) => ({ opened: p.opened, stream: p.plan.stream }));
    const ofIterators = iterators.flatMap(({ opened: of, stream }) =>
      stream ? [{ opened: of, stream }] : [],
    );
    this.#uncountedStacks = () => uncountedStacks(opened, [...ofMaps, ...ofIterators]);
    for (const sink of sinks) await sink.start?.(this);
  }

  /** Everything is attached: begin to read. */
  begin(links: BpfLink[], timeoutMs: number | undefined, programStats?: Disposable): void {
    this.#links = links;
    this.#misses = new MissCounter(this.#init.opened, links);
    this.#programStats = programStats;
    this.#started = true;
    for (const ring of this.#rings) ring.drain.start();
    this.#timers.push(setInterval(() => void this.#tick(), this.intervalMs));
    if (timeoutMs !== undefined) this.#timers.push(setTimeout(() => void this.stop('timeout'), timeoutMs));
    for (const sink of this.#init.sinks) sink.attached?.();
    this.#beginIterators(links);
    if (this.#stopping) void this.#shutDown();
  }

  /** Iterators that show rows are read now; those that fill maps before the maps are. */
  #beginIterators(links: readonly BpfLink[]): void {
    const { iterators, iterate: how } = this.#init;
    this.#iterators = iterators.map((planned) =>
      iterate(
        planned,
        links.filter((l) => l.kind === 'iter' && l.program === planned.program),
        this.#context!,
      ),
    );
    for (const source of this.#iterators)
      if (!source.stream) this.series.before({ refresh: async () => source.read() });
    this.#readIterators();
    const waits = this.#rings.length > 0 || links.some((l) => l.kind !== 'iter');
    if (this.#iterators.some((i) => i.stream) && how === 'once' && !waits) void this.stop('read');
  }

  #readIterators(): void {
    for (const [i, source] of this.#iterators.entries()) {
      try {
        if (source.stream) source.read();
      } catch (error) {
        void this.stop('error', blame(error, this.#init.iterators[i]!.opened));
      }
    }
  }

  stats(): RunStats {
    if (this.#final) return this.#final;
    for (const account of this.#accounts) account();
    const of = (value: (ring: Ring) => number, which = (_: Ring) => true): Record<string, number> =>
      Object.fromEntries(this.#rings.filter(which).map((r) => [r.stream.map, value(r)]));
    const read = this.#iterators.flatMap((i) => (i.stream ? [[i.stream.map, i] as const] : []));
    const cpu = process.cpuUsage(this.#cpuAtStart);
    const misses = this.#misses?.read();
    return {
      probes: this.#probeStats(),
      startedAt: this.#startedAt,
      elapsedMs: performance.now() - this.#startedMs,
      events: { ...of((r) => r.events), ...Object.fromEntries(read.map(([map, i]) => [map, i.events])) },
      filtered: {
        ...of(
          (r) => r.filtered,
          (r) => r.filtered > 0,
        ),
        ...Object.fromEntries(read.filter(([, i]) => i.filtered > 0).map(([map, i]) => [map, i.filtered])),
      },
      lost: this.#ledger.list(),
      lossUnknown: [
        ...this.streams.filter((s) => !s.lossKnown).map((s) => s.map),
        ...this.#uncountedStacks(),
      ],
      foundFull: {
        ...of(
          (r) => r.drain.foundFull,
          (r) => !r.stream.lossKnown,
        ),
        ...Object.fromEntries(
          this.#polls
            .filter((p) => !p.stream.lossKnown)
            .map(({ stream, poll }) => [stream.map, poll.foundFull]),
        ),
      },
      evictionsUnknown: this.#evictions?.read() ?? [],
      missed: misses?.missed ?? [],
      missesUnknown: misses?.missesUnknown ?? [],
      programs: this.#init.opened.flatMap((o) =>
        o.ladder.programs().flatMap((p, _, all) => {
          if (p.sharedWith !== undefined) return [];
          const { runCount: runs, runTimeNs } = p.info();
          const also = all.filter((other) => other.sharedWith === p.name).map((other) => other.section);
          return { name: p.name, object: o.name, section: p.section, also, runs, runTimeNs };
        }),
      ),
      programStats: this.#programStats !== undefined,
      hooks: this.#init.opened.flatMap((o) => o.ladder.choices()),
      exports: this.#init.sinks.flatMap((s) => s.exports?.() ?? []),
      decodeErrors: this.#decodeErrors + this.#ledger.of('short_record'),
      series: this.series.size,
      ownCpuUs: cpu.user + cpu.system,
      notes: [
        ...this.#init.notes,
        ...this.series.leftOut().map(([map, n]) => `${map}: ${n} entries above --max-series are not shown`),
        ...this.streams.flatMap((s) => s.notes()),
      ],
    };
  }

  #probeStats(): RunProbe[] {
    const { opened } = this.#init;
    return this.probes.map((name) => {
      const own = opened.filter((o) => o.probe === name);
      const maps = new Set(this.streams.filter((s) => s.probe === name).map((s) => s.map));
      for (const o of own)
        for (const { name: map, internal } of o.object.maps) {
          if (internal) continue;
          const has = (p: Opened): boolean => p.object.maps.some((m) => m.name === map);
          maps.add(distinct(map, o, opened, has));
          maps.add(opened.some((p) => p.probe !== name && has(p)) ? `${map}@${name}` : map);
        }
      return { name, objects: own.map((o) => o.name), maps: [...maps] };
    });
  }

  map(name: string): RawMap {
    return rawMap(this.#init.opened, name);
  }

  readNow(map: string): void {
    for (const ring of this.#rings) if (ring.stream.map === map) ring.drain.readNow();
  }

  countLost(map: string, reason: LostReason, count: number): void {
    this.#ledger.add(map, reason, count);
  }

  stop(reason: StopReason = 'stopped', error?: unknown): Promise<RunSummary> {
    if (this.#stopping) return this.closed;
    this.#stopping = { reason, error };
    if (this.#started) void this.#shutDown();
    return this.closed;
  }

  readonly #take = (stream: Stream): boolean => {
    if (this.#left === Number.POSITIVE_INFINITY) return true;
    if (this.#printing && stream.yields !== 'records') return this.#left > 0;
    if (this.#left <= 0) return false;
    if (--this.#left === 0) queueMicrotask(() => void this.stop('max-events'));
    return true;
  };

  readonly #onRecord = (
    stream: Stream,
    view: RecordView,
    offset: number,
    length: number,
    timeMs: number,
  ): void => {
    for (const sink of this.#recorders) {
      try {
        sink.record!(stream, view, offset, length, timeMs);
      } catch (error) {
        // A record that does not decode is counted; any other fault is the sink's and ends the run.
        if (!String((error as { code?: unknown }).code).startsWith('SKEP_')) throw error;
        this.#decodeErrors++;
        this.#ledger.add(stream.map, 'decode', 1);
      }
    }
  };

  readonly #room = (): number => {
    let least = Number.POSITIVE_INFINITY;
    for (const sink of this.#recorders) least = Math.min(least, sink.room?.() ?? least);
    return least;
  };

  readonly #onDrained = (): void => {
    for (const sink of this.#drainers) sink.drained!();
  };

  /** A refresh may outlast the interval; then the next tick is left out. */
  async #tick(): Promise<void> {
    if (this.#ticking) return;
    this.#ticking = true;
    // For times in maps: somebody may have set the clock.
    compareClocks();
    for (const ring of this.#rings) ring.drain.peek();
    try {
      if (this.#init.iterate === 'interval') this.#readIterators();
      await this.series.refreshNow();
      await this.#evictions?.look();
      if (this.#stopping) return;
      for (const sink of this.#init.sinks) sink.tick?.(this);
      this.series.tick++;
    } catch (error) {
      void this.stop('error', error);
    } finally {
      this.#ticking = false;
    }
  }

  /** Detach, take what is still in the buffers, tell the sinks, free everything. */
  async #shutDown(): Promise<void> {
    const { sinks, opened } = this.#init;
    const fail = (error: unknown): void => {
      const stopping = this.#stopping!;
      if (stopping.reason !== 'error') this.#stopping = { reason: 'error', error };
    };
    for (const timer of this.#timers) clearTimeout(timer);
    for (const ring of this.#rings) ring.drain.stop();
    try {
      // Iterators that fill maps can do so for the last time.
      if (this.#iterators.length > 0) await this.series.refreshAnew();
    } catch (error) {
      fail(error);
    }
    // A kprobe's misses are told by its link.
    this.#misses?.read();
    // Last first: what stands in for a program goes before it.
    await closeLinks([...this.#links].reverse()).catch(fail);
    try {
      for (const ring of this.#rings) await ring.drain.finish(FINISH_MS);
      // A program that was running on another CPU while it was detached may still have submitted one.
      await turn();
      for (const ring of this.#rings) await ring.drain.finish();
      await this.series.finish();
      await this.#evictions?.look(true);
    } catch (error) {
      fail(error);
    }
    for (const sink of sinks) {
      try {
        await sink.stop?.({ ...this.stats(), ...this.#stopping! });
      } catch (error) {
        fail(error);
      }
    }
    this.#final = this.stats();
    await this.series.seal();
    for (const ring of this.#rings.splice(0)) ring.close();
    this.#programStats?.[Symbol.dispose]();
    this.#init.namer?.close();
    closeOpened(opened);
    this.#resolve({ ...this.#final, ...this.#stopping! });
  }

  /** The start failed after {@link open} began: the buffers are closed, the rest is the caller's. */
  async abandon(): Promise<void> {
    await this.series.seal();
    for (const ring of this.#rings) ring.close();
    this.#rings = [];
  }
}

/** Streams of maps, then those of iterators. */
function allStreams({ planned, iterators }: Pick<ActiveRunInit, 'planned' | 'iterators'>): StreamInfo[] {
  return [...planned.map((p) => p.plan.stream), ...iterators.flatMap((i) => i.stream ?? [])];
}

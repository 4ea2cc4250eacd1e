import type { Identities } from '@skep/identity';
import type { RawMap, Run } from '@skep/runtime';
import { KernelTables } from './kernel/tables.ts';
import type { AgentOptions } from './options.ts';
import { Peers } from './peers/peers.ts';
import { Routes } from './routes/routes.ts';
import { PathTexts } from './routes/texts.ts';
import { SelfChecker } from './selfcheck/self-check.ts';
import { Collector, type OnCounted } from './series/collector.ts';
import type { SeriesStore } from './series/store.ts';
import { processEvents } from './services/events.ts';
import { Exporters } from './services/exporters.ts';
import { Processes } from './services/processes.ts';
import type { Services } from './services/services.ts';
import { spanReader } from './spans/span.ts';
import { type Span, Spans } from './spans/spans.ts';

export interface PipelineParts {
  readonly options: AgentOptions;
  readonly identities: Identities;
  readonly services: Services;
  readonly store: SeriesStore;
  /** For the agent's own requests. */
  readonly own: SeriesStore;
  /** Milliseconds, never going back. */
  readonly clock: () => number;
  readonly onCounted: OnCounted;
  readonly onSpan: (span: Span) => void;
  readonly onNote: (text: string) => void;
  /** Whether nothing is counted any more. */
  readonly ended: () => boolean;
}

type View = Parameters<ReturnType<typeof spanReader>>[0];

/** What makes services, routes, series and spans of what the kernel counts and tells. Made when the maps are there. */
export class Pipeline {
  readonly tables: KernelTables;
  readonly processes: Processes;
  readonly routes: Routes;
  readonly peers: Peers;
  readonly collector: Collector;
  readonly spans: Spans;
  readonly checker: SelfChecker;
  readonly exporters: Exporters;
  /** How many spans the limit for the machine has held back so far. */
  readonly heldSpans: () => number;
  readonly #texts: PathTexts;
  readonly #readers: ReadonlyMap<string, (view: View, at: number) => void>;

  /** @throws AgentError SKEP_AGENT_KERNEL when the probes are not those of this agent */
  constructor(run: Pick<Run, 'map' | 'readNow'>, parts: PipelineParts) {
    const { options, services, store, own, clock } = parts;
    const { limits, routes: patterns, sampling = {} } = options;
    const tables = new KernelTables(run);
    const hear = () => run.readNow('print_processes');
    const routes = new Routes(tables, { patterns, limits, answers: true });
    const gone = (pid: number) => routes.forgetProcess(pid);
    const processes = new Processes(services, tables, clock, parts.identities, hear, gone);
    const peers = new Peers(tables, services, processes);
    const shared = { services, processes, routes, peers, clock };
    const hearPaths = () => {
      hear();
      run.readNow('print_http_paths');
      texts.settle();
    };
    const { onCounted } = parts;
    const collector = new Collector({ ...shared, tables, store, own, onCounted, hearPaths });
    const spans = new Spans({ ...shared, onSpan: parts.onSpan });
    const texts = new PathTexts(run, { ...shared, onLate: () => spans.settle() });
    this.heldSpans = heldCounter(run);
    this.checker = new SelfChecker({
      collect: () => collector.collect(),
      own,
      heldSpans: this.heldSpans,
      ended: parts.ended,
      spanEveryMs: sampling.anyMs ?? 10_000,
      onChange: parts.onNote,
    });
    const readSpan = spanReader(run);
    const processEvent = processEvents(run, processes);
    this.#readers = new Map([
      ['print_http_spans', (view, at) => spans.take(readSpan(view, at))],
      ['print_http_paths', (view, at) => texts.take(view, at)],
      ['print_processes', processEvent],
    ]);
    this.exporters = new Exporters(parts.identities.host, processes, clock);
    this.tables = tables;
    this.processes = processes;
    this.routes = routes;
    this.peers = peers;
    this.collector = collector;
    this.spans = spans;
    this.#texts = texts;
  }

  /** A record of one of the probes' rings, whose map is named. */
  record(map: string, view: View, at: number): void {
    this.#readers.get(map)?.(view, at);
  }

  /** No more records come. */
  stop(): void {
    this.#texts.settle();
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

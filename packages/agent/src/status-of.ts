import type { ExportStats, RunStats } from '@skep/runtime';
import type { Budget } from './budget.ts';
import type { AgentOptions } from './options.ts';
import type { Pipeline } from './pipeline.ts';
import type { SeriesStore } from './series/store.ts';
import type { Services } from './services/services.ts';
import type { AgentStatus } from './status.ts';
import { unseenHere } from './unseen.ts';

export interface StatusParts {
  readonly options: AgentOptions;
  readonly run: RunStats;
  readonly pipeline: Pipeline;
  readonly services: Services;
  readonly store: SeriesStore;
  readonly budget: Budget;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** The same by performance.now(). */
  readonly begunAt: number;
  /** When the programs were attached, milliseconds of the pipeline's clock. */
  readonly attachedAt: number;
  readonly spansLeft: number;
  readonly exports: readonly ExportStats[];
  readonly listens: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
}

/** What is watched, by which hooks, what was lost, what it costs. Reads a few of the kernel's counters. */
export function statusOf(parts: StatusParts): AgentStatus {
  const { options, run, pipeline, services, budget, startedAt, attachedAt } = parts;
  const { collector, processes, routes, spans, tables } = pipeline;
  const { lost, unseen } = tables.reasons();
  const { user, system } = process.cpuUsage();
  const { firstAt } = collector;
  const { watch = {}, version } = options;
  return {
    version,
    pid: process.pid,
    startedAt,
    // By a clock that nobody sets.
    uptimeSeconds: (performance.now() - parts.begunAt) / 1000,
    watched: Object.fromEntries(Object.entries(watch).filter(([, values]) => values && values.length > 0)),
    services: [...services].filter((s) => s.series > 0).length,
    processes: processes.size,
    requests: collector.requests,
    firstMetricMs: firstAt === undefined ? undefined : Math.max(0, firstAt - attachedAt),
    hooks: run.hooks,
    notCounted: lost,
    unseenBytes: unseen,
    lost: run.lost.filter((l) => l.count > 0),
    missed: run.missed,
    notToldApart: {
      kernel_series_full: collector.overflowed,
      series_cap: parts.store.refused,
      services_cap: services.refused,
      processes_full: processes.refused,
      fingerprints_evicted: routes.evicted,
      learned_full: routes.learnRefused,
    },
    fill: fills(parts),
    spans: {
      taken: spans.taken,
      held: pipeline.heldSpans(),
      left: parts.spansLeft,
      gapNs: Number(budget.gapNs),
    },
    budget: { percent: budget.percent, usedPercent: budget.usedPercent, limiting: budget.limiting },
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    programs: run.programStats
      ? run.programs.map((p) => ({ name: p.name, runs: Number(p.runs), seconds: Number(p.runTimeNs) / 1e9 }))
      : [],
    exports: parts.exports,
    selfCheck: pipeline.checker.result,
    listens: parts.listens,
    unseen: unseenHere(run.hooks),
    notes: [...new Set([...run.notes, ...parts.notes])],
  };
}

function fills({ options, pipeline, services, store }: StatusParts): AgentStatus['fill'] {
  const { collector, processes, routes, peers, tables } = pipeline;
  const { capacity } = tables;
  return {
    kernel_series: { used: collector.entries, capacity: capacity.series },
    series: { used: store.size, capacity: options.limits?.series ?? 10_000 },
    services: { used: services.size, capacity: options.limits?.services ?? 4096 },
    processes: { used: processes.size, capacity: capacity.processes },
    fingerprints: { used: routes.fingerprints, capacity: capacity.fingerprints },
    learned: { used: tables.learnedCount, capacity: capacity.learned },
    peers: { used: peers.size, capacity: capacity.peers },
  };
}

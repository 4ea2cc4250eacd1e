import type { ExportStats } from './contract/exports.ts';
import type { RunStats } from './contract/stats.ts';

/** One of a run's own figures: what came, what was lost and why, what the probe costs. */
export interface Figure {
  /** Without prefix, unit and `_total`; a dot where OpenTelemetry has one. */
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** In UCUM. Prometheus' names have seconds, and no units in braces. */
  readonly unit: string;
  readonly samples: readonly FigureSample[];
}

export type FigureSample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** A figure without its samples, and how it is taken. */
type Definition = readonly [
  type: Figure['type'],
  unit: string,
  help: string,
  samples: (stats: RunStats) => readonly FigureSample[],
];

const DEFINITIONS: Readonly<Record<string, Definition>> = {
  events: ['counter', '{event}', 'Events read from ring and perf buffers.', (s) => byMap(s.events)],
  filtered_events: ['counter', '{event}', 'Events that a filter kept from view.', (s) => byMap(s.filtered)],
  lost_events: [
    'counter',
    '{event}',
    'Events that did not arrive, by the place where they were lost.',
    (s) => s.lost.map((l) => [{ map: l.map, reason: l.reason }, l.count]),
  ],
  buffer_found_full: [
    'counter',
    '{time}',
    'How often a buffer whose probe does not count its losses was found full.',
    (s) => byMap(s.foundFull),
  ],
  loss_unknown: [
    'gauge',
    '{map}',
    'Maps of which nobody counts what they lose: 1 each.',
    (s) => s.lossUnknown.map((map) => [{ map }, 1]),
  ],
  evictions_unknown: [
    'gauge',
    '{map}',
    'LRU maps that may have forgotten entries, which the kernel does not count: 1 each.',
    (s) => s.evictionsUnknown.map((map) => [{ map }, 1]),
  ],
  missed_program_runs: [
    'counter',
    '{run}',
    'Runs that a BPF program missed, as the kernel counted them.',
    (s) => s.missed.map((m) => [{ object: m.object, program: m.program, reason: m.reason }, m.count]),
  ],
  misses_unknown: [
    'gauge',
    '{program}',
    'Programs of which this kernel does not count all the runs they miss: 1 each.',
    (s) => s.missesUnknown.map((program) => [{ program }, 1]),
  ],
  program_runs: ['counter', '{run}', 'Runs of a BPF program.', (s) => programs(s, (p) => Number(p.runs))],
  program_run_time: [
    'counter',
    's',
    'Time spent in a BPF program.',
    (s) => programs(s, (p) => Number(p.runTimeNs) / 1e9),
  ],
  hook: [
    'gauge',
    '{rung}',
    'Which rung a group of hooks took: 1, or 0 for a group that was left out.',
    (s) => s.hooks.map(({ group, object, taken }) => [{ object, group, rung: taken ?? '' }, taken ? 1 : 0]),
  ],
  decode_errors: ['counter', '{record}', 'Records that could not be decoded.', (s) => [[{}, s.decodeErrors]]],
  series: ['gauge', '{series}', 'Label sets held.', (s) => [[{}, s.series]]],
  cpu: ['counter', 's', 'CPU time of skep itself.', (s) => [[{}, s.ownCpuUs / 1e6]]],
  'otlp.delivered_items': [
    'counter',
    '{item}',
    'Metric points and log records that the OTLP receiver took.',
    (s) => exported(s, (e) => e.delivered),
  ],
  'otlp.lost_items': [
    'counter',
    '{item}',
    'Metric points and log records that did not reach the OTLP receiver.',
    (s) =>
      s.exports.flatMap(({ signal, lost }) =>
        Object.entries(lost).map(([reason, n]): FigureSample => [{ signal, reason }, n]),
      ),
  ],
  'otlp.waiting_items': [
    'gauge',
    '{item}',
    'Metric points and log records that are not answered yet.',
    (s) => exported(s, (e) => e.waiting),
  ],
  'otlp.requests': ['counter', '{request}', 'OTLP requests.', (s) => exported(s, (e) => e.requests)],
  'otlp.retries': [
    'counter',
    '{request}',
    'OTLP requests that were not the first for their items.',
    (s) => exported(s, (e) => e.retries),
  ],
};

/** The names of all figures, whether a run has them or not. */
export const FIGURE_NAMES: readonly { readonly name: string; readonly unit: string }[] = Object.entries(
  DEFINITIONS,
).map(([name, [, unit]]) => ({ name, unit }));

/** Those that this run has. Where it has several probes, what is of one map or object says of which probe it is. */
export function figuresOf(stats: RunStats): Figure[] {
  const probeOf = stats.probes.length > 1 ? probeFinder(stats) : undefined;
  return Object.entries(DEFINITIONS).flatMap(([name, [type, unit, help, take]]) => {
    const all = take(stats);
    const samples = probeOf
      ? all.map(([labels, value]): FigureSample => [{ ...probeOf(labels), ...labels }, value])
      : all;
    return samples.length > 0 ? [{ name, type, unit, help, samples }] : [];
  });
}

type Labels = FigureSample[0];

function probeFinder({ probes }: RunStats): (labels: Labels) => Labels {
  const ofMap = new Map(probes.flatMap((p) => p.maps.map((map) => [map, p.name] as const)));
  const ofObject = new Map(probes.flatMap((p) => p.objects.map((object) => [object, p.name] as const)));
  return ({ map, object }): Labels => {
    const probe =
      map !== undefined ? ofMap.get(map) : object !== undefined ? ofObject.get(object) : undefined;
    return probe === undefined ? {} : { probe };
  };
}

function byMap(counts: Readonly<Record<string, number>>): FigureSample[] {
  return Object.entries(counts).map(([map, count]) => [{ map }, count]);
}

function programs(stats: RunStats, value: (p: RunStats['programs'][number]) => number): FigureSample[] {
  if (!stats.programStats) return [];
  return stats.programs.map((p) => [{ object: p.object, program: p.name }, value(p)]);
}

function exported({ exports }: RunStats, value: (e: ExportStats) => number): FigureSample[] {
  return exports.map((e) => [{ signal: e.signal }, value(e)]);
}

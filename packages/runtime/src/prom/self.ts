import type { RunStats } from '../types.ts';
import { headLines } from './lines.ts';
import { escapeLabel } from './names.ts';

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Names of the run's own figures, which no map of a probe gets: `counter_run_series` becomes something else. */
export const SELF_FAMILIES: readonly string[] = [
  'skep_run_events',
  'skep_run_filtered_events',
  'skep_run_lost_events',
  'skep_run_buffer_found_full',
  'skep_run_loss_unknown',
  'skep_run_evictions_unknown',
  'skep_run_missed_program_runs',
  'skep_run_misses_unknown',
  'skep_run_program_runs',
  'skep_run_program_run_time_seconds',
  'skep_run_hook',
  'skep_run_decode_errors',
  'skep_run_series',
  'skep_run_cpu_seconds',
];

/** The run's own figures: what came, what was lost and why, what the probe costs. */
export function selfMetrics(stats: RunStats, openMetrics: boolean): string {
  const byMap = (counts: Readonly<Record<string, number>>): Sample[] =>
    Object.entries(counts).map(([map, count]) => [{ map }, count]);
  const programs = (value: (p: RunStats['programs'][number]) => number): Sample[] =>
    stats.programStats ? stats.programs.map((p) => [{ object: p.object, program: p.name }, value(p)]) : [];
  const family = (name: string, type: string, help: string, samples: readonly Sample[]): string =>
    samples.length === 0 ? '' : headLines(name, type, help, openMetrics) + lines(name, type, samples);
  return [
    family('skep_run_events', 'counter', 'Events read from ring and perf buffers.', byMap(stats.events)),
    family(
      'skep_run_filtered_events',
      'counter',
      'Events that a filter kept from view.',
      byMap(stats.filtered),
    ),
    family(
      'skep_run_lost_events',
      'counter',
      'Events that did not arrive, by the place where they were lost.',
      stats.lost.map((l) => [{ map: l.map, reason: l.reason }, l.count]),
    ),
    family(
      'skep_run_buffer_found_full',
      'counter',
      'How often a buffer whose probe does not count its losses was found full.',
      byMap(stats.foundFull),
    ),
    family(
      'skep_run_loss_unknown',
      'gauge',
      'Maps of which nobody counts what they lose: 1 each.',
      stats.lossUnknown.map((map) => [{ map }, 1]),
    ),
    family(
      'skep_run_evictions_unknown',
      'gauge',
      'LRU maps that may have forgotten entries, which the kernel does not count: 1 each.',
      stats.evictionsUnknown.map((map) => [{ map }, 1]),
    ),
    family(
      'skep_run_missed_program_runs',
      'counter',
      'Runs that a BPF program missed, as the kernel counted them.',
      stats.missed.map((m) => [{ object: m.object, program: m.program, reason: m.reason }, m.count]),
    ),
    family(
      'skep_run_misses_unknown',
      'gauge',
      'Programs of which this kernel does not count all the runs they miss: 1 each.',
      stats.missesUnknown.map((program) => [{ program }, 1]),
    ),
    family(
      'skep_run_program_runs',
      'counter',
      'Runs of a BPF program.',
      programs((p) => Number(p.runs)),
    ),
    family(
      'skep_run_program_run_time_seconds',
      'counter',
      'Time spent in a BPF program.',
      programs((p) => Number(p.runTimeNs) / 1e9),
    ),
    family(
      'skep_run_hook',
      'gauge',
      'Which rung a group of hooks took: 1, or 0 for a group that was left out.',
      stats.hooks.map(({ group, object, taken }) => [{ object, group, rung: taken ?? '' }, taken ? 1 : 0]),
    ),
    family('skep_run_decode_errors', 'counter', 'Records that could not be decoded.', [
      [{}, stats.decodeErrors],
    ]),
    family('skep_run_series', 'gauge', 'Label sets held.', [[{}, stats.series]]),
    family('skep_run_cpu_seconds', 'counter', 'CPU time of skep itself.', [[{}, stats.ownCpuUs / 1e6]]),
  ].join('');
}

function lines(name: string, type: string, samples: readonly Sample[]): string {
  const suffix = type === 'counter' ? '_total' : '';
  return samples
    .map(([labels, value]) => {
      const text = Object.entries(labels)
        .map(([k, v]) => `${k}="${escapeLabel(v)}"`)
        .join(',');
      return `${name}${suffix}${text === '' ? '' : `{${text}}`} ${value}\n`;
    })
    .join('');
}

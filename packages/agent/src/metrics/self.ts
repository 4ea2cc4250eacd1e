import type { AgentStatus } from '../status.ts';
import { family, type Sample } from './text.ts';

/** The agent's own figures: what was lost and why, what is full, what it costs. */
export function selfFamilies(s: AgentStatus, openMetrics: boolean): string {
  const by = (label: string, counts: Readonly<Record<string, number>>): Sample[] =>
    Object.entries(counts).map(([name, count]) => [{ [label]: name }, count]);
  const one = (value: number): Sample[] => [[{}, value]];
  const f = (name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]) =>
    family(openMetrics, `skep_agent_${name}`, type, help, samples);
  return [
    f('info', 'gauge', 'The version of the agent: 1.', [[{ version: s.version }, 1]]),
    f(
      'self_check',
      'gauge',
      'Whether the last check of the agent by itself passed: 1, or 0.',
      s.selfCheck.state === 'waiting' ? [] : one(s.selfCheck.state === 'passed' ? 1 : 0),
    ),
    f(
      'self_checks_failed_total',
      'counter',
      'Checks of the agent by itself that failed.',
      one(s.selfCheck.failed),
    ),
    f('requests_total', 'counter', 'Requests that were counted, of all services.', one(s.requests)),
    f(
      'requests_not_counted_total',
      'counter',
      'Requests or responses that were not counted, by reason.',
      by('reason', s.notCounted),
    ),
    f(
      'requests_not_told_apart_total',
      'counter',
      'Requests that were counted without all their labels, by reason.',
      by('reason', s.notToldApart),
    ),
    f(
      'unseen_bytes_total',
      'counter',
      'Bytes of messages that were not looked at, by reason.',
      by('reason', s.unseenBytes),
    ),
    f(
      'lost_total',
      'counter',
      'Records and entries that found no room, by map and reason.',
      s.lost.map((l) => [{ map: l.map, reason: l.reason }, l.count]),
    ),
    f('spans_total', 'counter', 'Spans that were taken out of the kernel.', one(s.spans.taken)),
    f(
      'spans_held_total',
      'counter',
      "Spans that the limit of the machine's rate held back.",
      one(s.spans.held),
    ),
    f(
      'spans_left_total',
      'counter',
      'Spans that were not exported because the service exports its own.',
      one(s.spans.left),
    ),
    f('services', 'gauge', 'Services that are known.', one(s.services)),
    f(
      'entries',
      'gauge',
      'What maps and caches hold.',
      Object.entries(s.fill).map(([name, { used }]) => [{ of: name }, used]),
    ),
    f(
      'capacity',
      'gauge',
      'What they have room for.',
      Object.entries(s.fill).map(([name, { capacity }]) => [{ of: name }, capacity]),
    ),
    f(
      'hook',
      'gauge',
      'Which rung a group of hooks took: 1, or 0 for a group that was left out.',
      s.hooks.map(({ group, object, taken }) => [{ object, group, rung: taken ?? 'none' }, taken ? 1 : 0]),
    ),
    f(
      'program_runs_total',
      'counter',
      'Runs of a BPF program.',
      s.programs.map((p) => [{ program: p.name }, p.runs]),
    ),
    f(
      'program_run_time_seconds_total',
      'counter',
      'Time spent in a BPF program.',
      s.programs.map((p) => [{ program: p.name }, p.seconds]),
    ),
    f(
      'export_items_total',
      'counter',
      'What was handed to OTLP, by signal and outcome.',
      s.exports.flatMap((e): Sample[] => [
        [{ signal: e.signal, outcome: 'delivered', reason: '' }, e.delivered],
        ...Object.entries(e.lost).map(
          ([reason, n]): Sample => [{ signal: e.signal, outcome: 'lost', reason }, n],
        ),
      ]),
    ),
    f(
      'over_budget',
      'gauge',
      'Whether fewer spans are taken to keep within --cpu-budget: 1, or 0.',
      one(s.budget.limiting ? 1 : 0),
    ),
    f('cpu_seconds_total', 'counter', 'CPU time of the agent itself.', one(s.cpuSeconds)),
    f('resident_memory_bytes', 'gauge', 'Memory of the agent itself.', one(s.residentBytes)),
  ].join('');
}

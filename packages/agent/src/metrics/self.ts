import type { AgentStatus } from '../status.ts';
import { family, type Sample } from './text.ts';

/** One of the agent's own figures, for Prometheus and OTLP alike. */
export interface SelfFamily {
  /** Without `skep_agent_`, and without `_total`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** In UCUM, as OpenTelemetry writes it. */
  readonly unit: string;
  readonly samples: readonly Sample[];
}

type Counts = Readonly<Record<string, number>>;

const one = (value: number): Sample[] => [[{}, value]];
const flag = (is: boolean): Sample[] => one(is ? 1 : 0);
const by = (label: string, counts: Counts): Sample[] =>
  Object.entries(counts).map(([name, count]) => [{ [label]: name }, count]);

/** The agent's own figures: what was lost and why, what is full, what it costs. */
export function selfFamilies(s: AgentStatus): SelfFamily[] {
  const counter = (name: string, unit: string, help: string, samples: readonly Sample[]): SelfFamily => ({
    name,
    type: 'counter',
    help,
    unit,
    samples,
  });
  const gauge = (name: string, unit: string, help: string, samples: readonly Sample[]): SelfFamily => ({
    name,
    type: 'gauge',
    help,
    unit,
    samples,
  });
  const { selfCheck, spans } = s;
  const checked = selfCheck.state === 'waiting' ? [] : flag(selfCheck.state === 'passed');
  const exported = s.exports.flatMap(({ signal, delivered, lost }): Sample[] => [
    [{ signal, outcome: 'delivered' }, delivered],
    ...Object.entries(lost).map(([reason, n]): Sample => [{ signal, outcome: 'lost', reason }, n]),
  ]);
  const fills = (of: 'used' | 'capacity'): Sample[] =>
    Object.entries(s.fill).map(([name, fill]) => [{ of: name }, fill[of]]);
  const programs = (of: 'runs' | 'seconds'): Sample[] => s.programs.map((p) => [{ program: p.name }, p[of]]);
  return [
    gauge('info', '1', 'The version of the agent: 1.', [[{ version: s.version }, 1]]),
    gauge('self_check', '1', 'Whether the last check of the agent by itself passed: 1, or 0.', checked),
    counter(
      'self_checks_failed',
      '{check}',
      'Checks of the agent by itself that failed.',
      one(selfCheck.failed),
    ),
    counter('requests', '{request}', 'Requests that were counted, of all services.', one(s.requests)),
    counter(
      'requests_not_counted',
      '{request}',
      'Requests or responses that were not counted, by reason.',
      by('reason', s.notCounted),
    ),
    counter(
      'requests_not_told_apart',
      '{request}',
      'Requests, or label sets of them, without a place of their own, by reason.',
      by('reason', s.notToldApart),
    ),
    counter(
      'unseen_bytes',
      'By',
      'Bytes of messages that were not looked at, by reason.',
      by('reason', s.unseenBytes),
    ),
    counter(
      'lost',
      '{record}',
      'Records and entries that found no room, by map and reason.',
      s.lost.map((l) => [{ map: l.map, reason: l.reason }, l.count]),
    ),
    counter(
      'missed_program_runs',
      '{run}',
      'Runs that a BPF program missed, as the kernel counted them.',
      s.missed.map((m) => [{ object: m.object, program: m.program, reason: m.reason }, m.count]),
    ),
    counter('spans', '{span}', 'Spans that were taken out of the kernel.', one(spans.taken)),
    counter('spans_held', '{span}', "Spans that the limit of the machine's rate held back.", one(spans.held)),
    counter(
      'spans_left',
      '{span}',
      'Spans that were not exported because the service exports its own.',
      one(spans.left),
    ),
    gauge('services', '{service}', 'Services of which requests were counted.', one(s.services)),
    gauge('entries', '{entry}', 'What maps and caches hold.', fills('used')),
    gauge('capacity', '{entry}', 'What they have room for.', fills('capacity')),
    gauge(
      'hook',
      '1',
      'Which rung a group of hooks took: 1, or 0 for a group that was left out.',
      s.hooks.map(({ group, object, taken }) => [{ object, group, rung: taken ?? 'none' }, taken ? 1 : 0]),
    ),
    counter('program_runs', '{run}', 'Runs of a BPF program.', programs('runs')),
    counter('program_run_time_seconds', 's', 'Time spent in a BPF program.', programs('seconds')),
    counter('export_items', '{item}', 'What was handed to OTLP, by signal and outcome.', exported),
    gauge(
      'over_budget',
      '1',
      'Whether fewer spans are taken to keep within --cpu-budget: 1, or 0.',
      flag(s.budget.limiting),
    ),
    counter('cpu_seconds', 's', 'CPU time of the agent itself.', one(s.cpuSeconds)),
    gauge('resident_memory_bytes', 'By', 'Memory of the agent itself.', one(s.residentBytes)),
  ];
}

/** The same as text for Prometheus. */
export function selfText(status: AgentStatus, openMetrics: boolean): string {
  return selfFamilies(status)
    .map(({ name, type, help, samples }) =>
      family(openMetrics, `skep_agent_${name}${type === 'counter' ? '_total' : ''}`, type, help, samples),
    )
    .join('');
}

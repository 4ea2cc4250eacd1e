import type { Run } from '../contract/run.ts';
import type { Stream } from '../contract/stream.ts';
import { familyName, labelNames, metricWord, snake, unitFor } from './names.ts';
import { SELF_FAMILIES } from './self.ts';

/** One metric of a run: a stream and one of its numbers. */
export interface Family {
  /** Without `_total`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly stream: Stream;
  /** Which of the series' values. */
  readonly value: number;
  readonly divisor: number;
  /** The base unit after that: `seconds`, `bytes`, a word of the probe's, or empty. */
  readonly unit: string;
  /** Its values are whole numbers, also after the division. */
  readonly whole: boolean;
  /** What the name is made of: the stream's name, and the member when it has several. */
  readonly words: readonly string[];
  /** Names of the stream's labels as metrics have them. */
  readonly labels: readonly string[];
  /** The value of the label `probe`; none where the run has one probe. */
  readonly probe: string | undefined;
  /** Bee's counters have no `_total`. */
  readonly bare: boolean;
}

const TYPES = { counter: 'counter', gauge: 'gauge', hist: 'histogram' } as const;

/** What tells `gauge_files` from `counter_files`; Prometheus' linter wants neither `_gauge` nor `_counter` in a name. */
const TWIN_SUFFIX = { counter: '_probe', gauge: '_current', hist: '_hist' } as const;

/** Who gets a name that several would have, best first. */
const PRECEDENCE = ['counter', 'hist', 'gauge', 'print'] as const;

/**
 * The metrics of a run: every counter_, gauge_ and hist_ stream, one for each of its numbers. Of several probes each
 * sample says of which it is; what they have in common (name, type, unit) is one metric.
 */
export function familiesOf(run: Pick<Run, 'streams' | 'probes'>, beeNames: boolean): Family[] {
  const families = planned(run, beeNames);
  // Samples of one name have to stand together.
  const byName = new Map<string, Family[]>();
  for (const family of families) byName.set(family.name, [...(byName.get(family.name) ?? []), family]);
  return [...byName.values()].flat();
}

function planned(run: Pick<Run, 'streams' | 'probes'>, beeNames: boolean): Family[] {
  const taken = new Map<string, Family | undefined>(SELF_FAMILIES.map((name) => [name, undefined]));
  const several = run.probes.length > 1;
  const rank = ({ kind }: Stream): number => PRECEDENCE.indexOf(kind);
  const families = run.streams
    .toSorted((a, b) => rank(a) - rank(b))
    .flatMap((stream) => {
      const { kind } = stream;
      if (kind === 'print') return [];
      const type = TYPES[kind];
      const convert = beeNames ? metricWord : snake;
      const labels = labelNames(
        stream.fields.filter((f) => f.role === 'label').map((f) => f.name),
        convert,
        several ? ['probe'] : [],
      );
      const values = stream.fields.filter((f) => f.role === 'value');
      return values.map((field, value): Family => {
        const member = values.length > 1 ? [field.name] : [];
        const words = [stream.name, ...member];
        const unit = unitFor(beeNames ? undefined : (field.unit ?? stream.unit));
        let name = beeNames
          ? metricWord(['ebpf_solo_io', stream.map, ...member].join('_'))
          : familyName(words, unit);
        const help = field.help ?? stream.help ?? describe(stream, member[0]);
        const { divisor, suffix } = unit;
        const whole = divisor <= 1 && field.source?.kind !== 'float';
        const family = {
          ...{ type, help, stream, value, divisor, unit: suffix, whole, words, labels },
          probe: several ? stream.probe : undefined,
          bare: beeNames,
        };
        // Prometheus has these endings for histograms and counters alone.
        if (kind === 'gauge' && !beeNames && /_(count|sum|bucket)$/.test(name)) name += TWIN_SUFFIX.gauge;
        while (taken.has(name) && !sameMetric(taken.get(name), family)) name += TWIN_SUFFIX[kind];
        const named = { ...family, name };
        if (!taken.has(name)) taken.set(name, named);
        return named;
      });
    });
  // Named by precedence, told in the author's order.
  return run.streams.flatMap((stream) => families.filter((family) => family.stream === stream));
}

/** Whether samples of another probe are of the metric that has the name. */
function sameMetric(taken: Family | undefined, other: Omit<Family, 'name'>): boolean {
  return (
    taken !== undefined &&
    taken.probe !== other.probe &&
    taken.type === other.type &&
    taken.unit === other.unit
  );
}

function describe(stream: Stream, member: string | undefined): string {
  return `The probe's map ${stream.map}${member ? `, member ${member}` : ''}.`;
}

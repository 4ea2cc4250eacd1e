import type { Run, Stream } from '../types.ts';
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
  /** Bee's counters have no `_total`. */
  readonly bare: boolean;
}

const TYPES = { counter: 'counter', gauge: 'gauge', hist: 'histogram' } as const;

/** What tells `gauge_files` from `counter_files`; Prometheus' linter wants no `_gauge` in a gauge's name. */
const TWIN_SUFFIX = { counter: '_counter', gauge: '_current', hist: '_hist' } as const;

/** The metrics of a run: every counter_, gauge_ and hist_ stream, one for each of its numbers. */
export function familiesOf(run: Pick<Run, 'streams'>, beeNames: boolean): Family[] {
  const taken = new Set<string>(SELF_FAMILIES);
  return run.streams.flatMap((stream) => {
    const { kind } = stream;
    if (kind === 'print') return [];
    const type = TYPES[kind];
    const convert = beeNames ? metricWord : snake;
    const labels = labelNames(
      stream.fields.filter((f) => f.role === 'label').map((f) => f.name),
      convert,
    );
    const values = stream.fields.filter((f) => f.role === 'value');
    return values.map((field, value): Family => {
      const member = values.length > 1 ? [field.name] : [];
      const words = [stream.name, ...member];
      const unit = unitFor(beeNames ? undefined : (field.unit ?? stream.unit));
      let name = beeNames
        ? metricWord(['ebpf_solo_io', stream.map, ...member].join('_'))
        : familyName(words, unit);
      while (taken.has(name)) name += TWIN_SUFFIX[kind];
      taken.add(name);
      const help = field.help ?? stream.help ?? describe(stream, member[0]);
      const { divisor, suffix } = unit;
      const whole = divisor <= 1 && field.source?.kind !== 'float';
      return {
        ...{ name, type, help, stream, value, divisor, unit: suffix, whole, words, labels },
        bare: beeNames,
      };
    });
  });
}

function describe(stream: Stream, member: string | undefined): string {
  return `The probe's map ${stream.map}${member ? `, member ${member}` : ''}.`;
}

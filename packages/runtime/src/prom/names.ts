/** What Prometheus allows in a metric's name; everything else becomes `_`. */
export function metricWord(text: string): string {
  const word = text.replace(/[^a-zA-Z0-9_]/g, '_');
  return /^[0-9]/.test(word) ? `_${word}` : word;
}

/** `fooBar` to `foo_bar`, runs of `_` to one: what Prometheus' own linter asks for. */
export function snake(text: string): string {
  return metricWord(text)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/_+/g, '_')
    .replace(/_$/, '');
}

/** Label names, made valid and different from each other: `a.b` and `a_b` become `a_b` and `a_b_`. */
export function labelNames(
  names: readonly string[],
  convert: (name: string) => string,
  reserved: readonly string[] = [],
): string[] {
  const taken = new Set(['le', 'quantile', 'otel_metric_overflow', ...reserved]);
  return names.map((name) => {
    // Two underscores in front are Prometheus' own.
    let word = convert(name).replace(/^__+/, '_');
    while (taken.has(word) || word === '') word += '_';
    taken.add(word);
    return word;
  });
}

/** A unit as metrics have it: base units only, so that nobody has to know how the kernel counted. */
export interface Unit {
  /** Suffix of the name, without `_`; empty for a bare number. */
  readonly suffix: string;
  /** What a value is divided by: powers of ten divide more exactly than their inverses multiply. */
  readonly divisor: number;
}

const UNITS: Readonly<Record<string, Unit>> = {
  ns: { suffix: 'seconds', divisor: 1e9 },
  us: { suffix: 'seconds', divisor: 1e6 },
  ms: { suffix: 'seconds', divisor: 1e3 },
  s: { suffix: 'seconds', divisor: 1 },
  nanoseconds: { suffix: 'seconds', divisor: 1e9 },
  microseconds: { suffix: 'seconds', divisor: 1e6 },
  milliseconds: { suffix: 'seconds', divisor: 1e3 },
  b: { suffix: 'bytes', divisor: 1 },
  kib: { suffix: 'bytes', divisor: 1 / 1024 },
  mib: { suffix: 'bytes', divisor: 1 / (1024 * 1024) },
  pages: { suffix: 'pages', divisor: 1 },
};

export function unitFor(unit: string | undefined): Unit {
  if (unit === undefined) return { suffix: '', divisor: 1 };
  return UNITS[unit.toLowerCase()] ?? { suffix: snake(unit), divisor: 1 };
}

/**
 * `skep_<words>_<unit>`: the map's name without prefix, the member when there are several, and the base unit.
 * A unit the name already ends with (`op_time_us`) is replaced, endings that Prometheus gives a meaning
 * (`_total`, `_count`, `_sum`, `_bucket`) are taken off. A member keeps all but `_total`: they tell it from the others.
 */
export function familyName(words: readonly string[], unit: Unit): string {
  let name = snake(['skep', ...words].join('_'));
  name = name.replace(words.length > 1 ? /_total$/ : /_(total|count|sum|bucket)$/, '');
  if (unit.divisor !== 1 && unit.suffix === 'seconds') name = name.replace(/_(ns|us|ms)$/, '');
  return unit.suffix === '' || name.endsWith(`_${unit.suffix}`) ? name : `${name}_${unit.suffix}`;
}

/** A label value between quotes. */
export function escapeLabel(text: string): string {
  return /[\\"\n]/.test(text) ? text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n') : text;
}

/** A HELP text; OpenMetrics wants quotes escaped too. */
export function escapeHelp(text: string, openMetrics: boolean): string {
  const escaped = text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
  return openMetrics ? escaped.replace(/"/g, '\\"') : escaped;
}

import { snake } from '../prom/names.ts';

/** Base units that UCUM has a symbol for. Source: https://ucum.org/ucum, the case sensitive symbols. */
const SYMBOLS: Readonly<Record<string, string>> = {
  seconds: 's',
  bytes: 'By',
  bits: 'bit',
  percent: '%',
  ratio: '1',
  hz: 'Hz',
  hertz: 'Hz',
  celsius: 'Cel',
  volts: 'V',
  watts: 'W',
  joules: 'J',
  '': '',
};

/** A base unit as OpenTelemetry has it: `s`, `By`, and what is only counted in braces, `{packets}`. */
export function ucum(unit: string): string {
  return SYMBOLS[unit] ?? `{${unit}}`;
}

/** What a name says already, in words that the unit says. */
const SAID: Readonly<Record<string, RegExp>> = {
  seconds: /_(ns|us|ms|s|secs?|seconds|nanoseconds|microseconds|milliseconds)$/,
  bytes: /_(b|kib|mib|bytes)$/,
};

/**
 * `skep.tcp_connects`, with the member behind a dot when a map has several numbers. No unit and no `_total`: what
 * translates to Prometheus adds both, and arrives at the names that /metrics has.
 */
export function metricName(words: readonly string[], unit: string): string {
  const name = words
    .map(dotted)
    .join('.')
    .replace(words.length > 1 ? /_total$/ : /_(total|count|sum|bucket)$/, '');
  return `skep.${name.replace(SAID[unit] ?? /$^/, '')}`;
}

/** Names of attributes, different from each other: `addr.port` stays, `Addr.Port` becomes it. */
export function attributeNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let word = dotted(name);
    while (taken.has(word) || word === '') word += '_';
    taken.add(word);
    return word;
  });
}

function dotted(name: string): string {
  return name.split('.').map(snake).join('.');
}

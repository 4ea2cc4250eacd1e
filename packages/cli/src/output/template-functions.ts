import { type Data, isRecord, toJson } from './data.ts';
import { templateError } from './template-parse.ts';

/** Go's own functions and docker's, by name, as far as plain data has a use for them. */
export const functions: Record<string, (...args: Data[]) => Data> = {
  json: (value) => toJson(value),
  lower: (value) => show(value).toLowerCase(),
  upper: (value) => show(value).toUpperCase(),
  title: (value) => show(value).replace(/\b\w/g, (c) => c.toUpperCase()),
  join: (list, separator) => (Array.isArray(list) ? list.map(show).join(show(separator)) : show(list)),
  split: (text, separator) => show(text).split(show(separator)),
  truncate: (text, length) => show(text).slice(0, Number(length)),
  pad: (text, before, after) => `${' '.repeat(Number(before))}${show(text)}${' '.repeat(Number(after))}`,
  slice: (value, from = 0, to = undefined) =>
    (Array.isArray(value) ? value : show(value)).slice(
      Number(from),
      to === undefined ? undefined : Number(to),
    ),
  len: (value) =>
    isRecord(value) ? Object.keys(value).length : Array.isArray(value) ? value.length : show(value).length,
  index: (value, ...keys) =>
    keys.reduce(
      (at, key) => (Array.isArray(at) ? at[Number(key)] : isRecord(at) ? at[show(key)] : undefined),
      value,
    ),
  print: (...values) => values.map(show).join(''),
  println: (...values) => `${values.map(show).join(' ')}\n`,
  printf: (format, ...values) => formatted(show(format), values),
  eq: (a, ...rest) => rest.some((b) => show(a) === show(b)),
  ne: (a, b) => show(a) !== show(b),
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  not: (value) => !truthy(value),
  and: (...values) => values.find((v) => !truthy(v)) ?? values.at(-1),
  or: (...values) => values.find(truthy) ?? values.at(-1),
};

/** As it is printed. */
export function show(value: Data): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return `[${value.map(show).join(' ')}]`;
  if (typeof value === 'object') return toJson(value);
  return String(value);
}

/** Go's idea of it: what is empty is not. */
export function truthy(value: Data): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isRecord(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

function compare(a: Data, b: Data): number {
  const isNumber = (v: Data) => typeof v === 'number' || typeof v === 'bigint';
  const [x, y] = isNumber(a) && isNumber(b) ? [a as number, b as number] : [show(a), show(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Go's fmt, of its verbs those that plain data has a use for. */
function formatted(format: string, values: readonly Data[]): string {
  let next = 0;
  return format.replace(/%([-0]*)(\d*)(?:\.(\d+))?(.?)/gs, (all, flags: string, width, precision, verb) => {
    if (verb === '%') return '%';
    if (next >= values.length) throw templateError(`printf has no value for ${all}`);
    const text = verbOf(verb, values[next++], precision);
    if (text === undefined)
      throw templateError(`printf does not know ${all}; there are %s %v %d %f %q %x %t`);
    if (flags.includes('-')) return text.padEnd(Number(width));
    return text.padStart(Number(width), flags.includes('0') ? '0' : ' ');
  });
}

function verbOf(verb: string, value: Data, precision: string | undefined): string | undefined {
  if (verb === 'f') return Number(value).toFixed(precision === undefined ? 6 : Number(precision));
  if (verb === 'x' && typeof value === 'number') return value.toString(16);
  if (verb === 'x') return Buffer.from(show(value)).toString('hex');
  const text =
    'svdt'.includes(verb) && verb !== ''
      ? show(value)
      : verb === 'q'
        ? JSON.stringify(show(value))
        : undefined;
  return text?.slice(0, precision === undefined ? undefined : Number(precision));
}

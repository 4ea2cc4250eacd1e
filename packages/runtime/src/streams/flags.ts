import { RuntimeError } from '../errors.ts';

/** Upper bounds when neither flag nor probe says otherwise: bee's. */
export const DEFAULT_BUCKETS: readonly number[] = [0, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

/**
 * Parses `map,[1,2,3]` (brackets optional) to strictly ascending bounds.
 *
 * @throws RuntimeError SKEP_HIST_INVALID
 */
export function parseBuckets(texts: readonly string[]): Map<string, number[]> {
  return new Map(
    texts.map((text) => {
      const [map, rest] = splitFirst('hist buckets', text, 'Write it as map,[1,2,5,10].');
      const inner = rest.trim().replace(/^\[/, '').replace(/\]$/, '');
      const bounds = inner.split(',').map((t) => (t.trim() === '' ? Number.NaN : Number(t)));
      if (!bounds.every(Number.isFinite) || bounds.some((b, i) => i > 0 && b <= bounds[i - 1]!)) {
        throw new RuntimeError(
          'SKEP_HIST_INVALID',
          `hist buckets "${text}": the bounds must be numbers, each above the one before`,
          'Write it as map,[1,2,5,10].',
        );
      }
      return [map, bounds];
    }),
  );
}

/**
 * Parses `map,member`.
 *
 * @throws RuntimeError SKEP_HIST_INVALID
 */
export function parseValueKeys(texts: readonly string[]): Map<string, string> {
  return new Map(texts.map((t) => splitFirst('hist value key', t, 'Write it as map,member.')));
}

function splitFirst(what: string, text: string, hint: string): [string, string] {
  const comma = text.indexOf(',');
  const map = text.slice(0, comma).trim();
  const rest = text.slice(comma + 1).trim();
  if (comma < 1 || map === '' || rest === '')
    throw new RuntimeError('SKEP_HIST_INVALID', `${what} "${text}": a map and a value are needed`, hint);
  return [map, rest];
}

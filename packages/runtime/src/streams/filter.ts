import type { RecordView } from '@skep/bpf';
import { listed, RuntimeError } from '../errors.ts';
import type { Row } from '../series/row.ts';
import type { StreamInfo } from './stream.ts';

/** `map,member,regex`, matched against the member's text. */
export interface Filter {
  readonly map: string;
  readonly member: string;
  readonly pattern: RegExp;
}

/**
 * Parses `--filter` texts. Only the first two commas part; those in the expression belong to it.
 *
 * @throws RuntimeError SKEP_FILTER_INVALID
 */
export function parseFilters(texts: readonly string[]): Filter[] {
  return texts.map((text) => {
    const parts = /^([^,]+),([^,]+),(.*)$/s.exec(text);
    if (!parts) {
      throw new RuntimeError(
        'SKEP_FILTER_INVALID',
        `filter "${text}": a map, a member and an expression are needed`,
        'Write it as map,member,regex, for example print_events,comm,^nginx.',
      );
    }
    const [, map, member, source] = parts as unknown as [string, string, string, string];
    try {
      return { map: map.trim(), member: member.trim(), pattern: new RegExp(source, 'u') };
    } catch (error) {
      throw new RuntimeError(
        'SKEP_FILTER_INVALID',
        `filter "${text}": "${source}" is not a regular expression (${(error as Error).message})`,
        'It is JavaScript’s syntax; a literal ( [ . or + needs a backslash.',
        error,
      );
    }
  });
}

/** A filter bound to the field it looks at. */
interface Bound {
  readonly field: number;
  readonly pattern: RegExp;
}

/**
 * Binds filters to streams.
 *
 * @throws RuntimeError SKEP_FILTER_INVALID when a map or member does not exist
 */
export function bindFilters(
  filters: readonly Filter[],
  streams: readonly StreamInfo[],
): Map<StreamInfo, Bound[]> {
  const bound = new Map<StreamInfo, Bound[]>();
  for (const { map, member, pattern } of filters) {
    const matching = streams.filter((s) => s.map === map || s.map.split('@')[0] === map);
    if (matching.length === 0) {
      throw new RuntimeError(
        'SKEP_FILTER_INVALID',
        `filter "${map},${member},${pattern.source}": there is no map "${map}" that is shown`,
        `Maps: ${listed(streams.map((s) => s.map))}.`,
      );
    }
    for (const stream of matching) {
      const field = stream.fields.findIndex((f) => f.name === member);
      if (field < 0) {
        throw new RuntimeError(
          'SKEP_FILTER_INVALID',
          `filter "${map},${member},${pattern.source}": "${map}" has no member "${member}"`,
          `Members: ${listed(stream.fields.map((f) => f.name))}.`,
        );
      }
      const list = bound.get(stream) ?? [];
      list.push({ field, pattern });
      bound.set(stream, list);
    }
  }
  return bound;
}

/** All of them must match the record. */
export function recordFilter(stream: StreamInfo, bound: readonly Bound[]) {
  return (view: RecordView, offset: number): boolean => {
    for (const { field, pattern } of bound) if (!pattern.test(stream.text(field, view, offset))) return false;
    return true;
  };
}

/** All of them must match the row; the overflow row, which has no labels, passes. */
export function rowFilter(bound: readonly Bound[]) {
  return (row: Row): boolean =>
    row.overflow || bound.every(({ field, pattern }) => pattern.test(row.text(field)));
}

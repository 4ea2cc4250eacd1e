import type { HistogramState } from '../contract/series.ts';

/** A column as the table shows it. */
export interface ViewColumn {
  readonly title: string;
  readonly unit?: string;
  /** Numbers stand against the right edge, under each other's digits. */
  readonly right: boolean;
  /** Never narrowed: what is cut from it would mislead. */
  readonly fixed?: boolean;
  /** `spark`: a small drawing of a histogram, which has no text to sort or filter by. */
  readonly draw?: 'spark';
  /** Starts with the highest first when sorted by. */
  readonly numeric: boolean;
}

/** What a row sorts by. */
export type SortKey = number | bigint | string;

/** One row, looked at: texts are made when asked for. */
export interface Row {
  /** The same row again has the same id. */
  readonly id: number;
  text(column: number): string;
  readonly histogram?: HistogramState;
}

/** What the person asked the table to show. */
export interface Query {
  /** Index of the sort column, or undefined for the order of arrival. */
  sort: number | undefined;
  descending: boolean;
  filter: string;
}

/** The rows of one tab. */
export interface TableModel {
  readonly columns: readonly ViewColumn[];
  /** `tail`: new rows come at the end and the table follows them. `list`: rows stay and change in place. */
  readonly style: 'tail' | 'list';
  readonly paused: boolean;
  /** Rows that pass the filter, as far as they were tested. */
  readonly length: number;
  /** Rows kept. */
  readonly total: number;
  /** Brings order and filter up to date; true when rows remain untested and another frame should follow. */
  refresh(query: Query): boolean;
  at(index: number): Row;
  /** Where a row stands now, or -1 when it is gone or filtered out. */
  indexOf(id: number): number;
  /** A row that stays when the table drops it; a series goes on changing. */
  pin(index: number): Row;
  pause(on: boolean): void;
  clear(): void;
}

/** One term of a filter: all terms must match, ignoring case. */
interface Term {
  readonly column: number | undefined;
  readonly text: string;
  readonly negated: boolean;
}

/**
 * Compiles what was typed: words separated by spaces that must all occur in the row; `!word` must not;
 * `column:word` looks in that column alone.
 */
export function compileFilter(text: string, columns: readonly ViewColumn[]): (row: Row) => boolean {
  const terms: Term[] = [];
  for (const word of text.toLowerCase().split(/\s+/)) {
    const negated = word.startsWith('!');
    const rest = negated ? word.slice(1) : word;
    const colon = rest.indexOf(':');
    const found = colon > 0 ? columns.findIndex((c) => c.title.toLowerCase() === rest.slice(0, colon)) : -1;
    const wanted = found >= 0 ? rest.slice(colon + 1) : rest;
    if (wanted !== '') terms.push({ column: found >= 0 ? found : undefined, text: wanted, negated });
  }
  const inRow = (row: Row, term: Term): boolean => {
    if (term.column !== undefined) return row.text(term.column).toLowerCase().includes(term.text);
    for (let i = 0; i < columns.length; i++) {
      if (columns[i]!.draw === undefined && row.text(i).toLowerCase().includes(term.text)) return true;
    }
    return false;
  };
  return (row) => terms.every((term) => inRow(row, term) !== term.negated);
}

/** Numbers before texts, smaller before larger; mixed number and bigint compare exactly. */
export function compareKeys(a: SortKey, b: SortKey): number {
  if (typeof a === 'string') return typeof b === 'string' ? (a < b ? -1 : a > b ? 1 : 0) : 1;
  if (typeof b === 'string') return -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

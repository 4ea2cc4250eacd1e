import { renderTable } from './table.ts';
import { type Data, template, toJson } from './template.ts';

/** What a command lists, by field name. */
export type Row = { [name: string]: Data };

/**
 * Rows as `--format` asks: nothing or `table` for the columns given, `json` for an object a line,
 * `table TEMPLATE` with a header, anything else as a template filled once a row.
 */
export function formatRows(rows: readonly Row[], columns: readonly string[], format?: string): string {
  if (format === 'json') return rows.map((row) => `${toJson(row)}\n`).join('');
  const asTable = format === undefined || format === 'table' || format.startsWith('table ');
  const source = format?.replace(/^table\s*/, '') || columns.map((name) => `{{.${name}}}`).join('\t');
  const filled = template(source);
  const lines = rows.map((row) => filled.fill(row));
  if (!asTable) return lines.map((line) => `${line}\n`).join('');
  const [header = [], ...body] = [filled.header(), ...lines].map((line) => line.split('\t'));
  return renderTable(header, body);
}

/** One object as `--format` asks: `json` indented, else a template. */
export function formatObject(object: Data, format: string): string {
  return format === 'json' ? `${toJson(object, 2)}\n` : `${template(format).fill(object)}\n`;
}

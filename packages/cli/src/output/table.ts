import { eastAsianWidth } from 'get-east-asian-width';

/** Columns with a header in capitals and three spaces between, as docker's; no trailing blanks. */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, i) => {
    let width = name.length;
    for (const row of rows) width = Math.max(width, columnsOf(row[i] ?? ''));
    return width;
  });
  // Joined at the end: a text that grows by each cell is a tree of as many pieces.
  const lines = rows.map((row) => line(row, widths));
  lines.unshift(line(header, widths));
  return `${lines.join('\n')}\n`;
}

function line(row: readonly string[], widths: readonly number[]): string {
  const last = widths.length - 1;
  let text = '';
  for (let i = 0; i < last; i++) {
    const cell = row[i] ?? '';
    text += cell + ' '.repeat((widths[i] as number) - columnsOf(cell) + 3);
  }
  return (text + (row[last] ?? '')).trimEnd();
}

/** Marks on the letter before, and what is not seen. */
const ZERO = /[\p{M}\p{Cf}]/u;

/** Columns of a terminal that a text takes, as far as can be said without its font. */
function columnsOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let columns = 0;
  for (const letter of text) columns += ZERO.test(letter) ? 0 : eastAsianWidth(letter.codePointAt(0)!);
  return columns;
}

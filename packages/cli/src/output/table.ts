/** Columns with a header in capitals and three spaces between, as docker's; no trailing blanks. */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length)));
  return all.map((row) => line(row, widths)).join('');
}

function line(row: readonly string[], widths: readonly number[]): string {
  const cells = widths.map((width, i) => (row[i] ?? '').padEnd(width));
  return `${cells.join('   ').trimEnd()}\n`;
}

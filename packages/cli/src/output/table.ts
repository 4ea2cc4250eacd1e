/** Columns with a header in capitals and three spaces between, as docker's; no trailing blanks. */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, i) => {
    let width = name.length;
    for (const row of rows) width = Math.max(width, (row[i] ?? '').length);
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
  for (let i = 0; i < last; i++) text += `${(row[i] ?? '').padEnd(widths[i] as number)}   `;
  return (text + (row[last] ?? '')).trimEnd();
}

/** Columns with a header in capitals and three spaces between, as docker's; no trailing blanks. */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, i) => {
    let width = name.length;
    for (const row of rows) width = Math.max(width, (row[i] ?? '').length);
    return width;
  });
  let text = line(header, widths);
  for (const row of rows) text += line(row, widths);
  return text;
}

function line(row: readonly string[], widths: readonly number[]): string {
  let text = '';
  for (let i = 0; i < widths.length; i++)
    text += (i === 0 ? '' : '   ') + (row[i] ?? '').padEnd(widths[i] as number);
  return `${text.trimEnd()}\n`;
}

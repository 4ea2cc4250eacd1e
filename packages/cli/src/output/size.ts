const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes as docker writes them: decimal units, three digits ("6.34kB", "212MB"). */
export function humanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // What rounds to four digits goes into the next unit: 999.5 kB is 1 MB.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(3))}${units[unit]}`;
}

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes as docker writes them: decimal units, three digits ("6.34kB", "212MB"). */
export function humanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Number(value.toPrecision(3)) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(3))}${units[unit]}`;
}

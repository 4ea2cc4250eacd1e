/** The number of the fewest digits that mean the same 32-bit float, as JSON has it. */
export function shortNumber(value: number): number {
  return Number(shortFloat(value));
}

/** The fewest digits that mean the same 32-bit float: 0.1, not 0.10000000149011612. */
export function shortFloat(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(value);
}

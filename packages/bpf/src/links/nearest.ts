/** Edit distance (Levenshtein), two rows at a time. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The names most like a misspelt one, best first, at most `count`, none that differs in more than half. */
export function nearest(name: string, names: readonly string[], count: number): string[] {
  return names
    .map((n) => ({ n, d: distance(name, n) }))
    .filter(({ d }) => d <= Math.max(2, name.length / 2))
    .sort((x, y) => x.d - y.d || (x.n < y.n ? -1 : 1))
    .slice(0, count)
    .map(({ n }) => n);
}

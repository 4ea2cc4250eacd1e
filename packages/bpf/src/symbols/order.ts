/**
 * The order of numbers by value, equals as they come. Sorting indexes with a comparison takes half a second for a
 * hundred thousand of them; sorting the numbers and looking each up, a tenth of that.
 */
export function orderOf(numbers: readonly number[]): Uint32Array {
  const sorted = Float64Array.from(numbers).sort();
  const taken = new Uint32Array(numbers.length);
  const order = new Uint32Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    const first = countBelow(sorted, numbers[i]!);
    order[first + taken[first]!++] = i;
  }
  return order;
}

/** How many of the sorted numbers are below `value`. */
export function countBelow(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the last of the sorted numbers that is not above `value`; -1 when all are. */
export function lastUpTo(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

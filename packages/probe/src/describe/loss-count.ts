/**
 * Whether a map has the form of a count of losses, as `print_x_lost` has one of what `print_x` found no room for: an array of
 * one number, or of one a CPU.
 *
 * @param map its type as `array` or `percpu_array`, its entries and the bytes of a value
 */
export function isLossCount(map: { type: string; maxEntries: number; valueSize: number }): boolean {
  return /^(percpu_)?array$/.test(map.type) && map.maxEntries === 1 && [1, 2, 4, 8].includes(map.valueSize);
}

import type { StreamKind } from '../contract/stream.ts';

const PREFIXES: readonly [string, StreamKind][] = [
  ['print_', 'print'],
  ['counter_', 'counter'],
  ['gauge_', 'gauge'],
  ['hist_', 'hist'],
];

/** Splits `counter_kills` into its kind and `kills`; undefined for a map that is not to be shown. */
export function splitPrefix(map: string): { kind: StreamKind; name: string } | undefined {
  for (const [prefix, kind] of PREFIXES)
    if (map.startsWith(prefix) && map.length > prefix.length) return { kind, name: map.slice(prefix.length) };
  return undefined;
}

const RINGS = new Set(['ringbuf']);
const PERF = new Set(['perf_event_array']);
const ARRAYS = new Set(['array', 'percpu_array']);
const HASHES = new Set(['hash', 'lru_hash', 'percpu_hash', 'lru_percpu_hash', 'lpm_trie']);

/** How a map of this type is read; undefined for one that holds no rows (stack traces, program arrays, …). */
export function sourceOf(mapType: string): 'ring' | 'perf' | 'map' | undefined {
  if (RINGS.has(mapType)) return 'ring';
  if (PERF.has(mapType)) return 'perf';
  return ARRAYS.has(mapType) || HASHES.has(mapType) ? 'map' : undefined;
}

/** Arrays have every index from the start; only those that ever held something are rows. */
export function isArray(mapType: string): boolean {
  return ARRAYS.has(mapType);
}

/** Maps that keep one value a CPU. */
export function isPerCpu(mapType: string): boolean {
  return mapType.includes('percpu');
}

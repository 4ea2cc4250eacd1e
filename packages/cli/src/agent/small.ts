/** What keeps an agent's memory small. `bin/skep` has the same, and says why: a unit starts Node without it. */
export const NODE_FLAGS = ['--max-semi-space-size=2', '--heap-growing-percent=30'] as const;
export const MALLOC: Readonly<Record<string, string>> = { MALLOC_TRIM_THRESHOLD_: '131072' };

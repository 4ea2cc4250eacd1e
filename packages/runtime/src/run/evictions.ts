import type { BpfMap } from '@skep/bpf';
import type { Opened } from './open.ts';
import { distinct } from './probes.ts';

/** BPF_F_NO_COMMON_LRU: a list of its own for each CPU. */
const NO_COMMON_LRU = 2;
/** Free entries that each CPU may keep to itself, and that the kernel frees at once (kernel/bpf/bpf_lru_list.c). */
const COMMON_SPARE = 128;
const OWN_SPARE = 4;
/** Between two looks at maps that nobody else reads. */
const REST_MS = 10_000;

/**
 * Up to how many entries an LRU hash has surely forgotten none. The kernel begins to take the least used entry when a CPU
 * that needs one finds too few that are free, while others may still keep theirs: before the map is full.
 */
export function keepsAll({ maxEntries, flags }: Pick<BpfMap, 'maxEntries' | 'flags'>, cpus: number): number {
  if ((flags & NO_COMMON_LRU) !== 0) return Math.max(0, Math.floor(maxEntries / cpus) - OWN_SPARE);
  return Math.max(0, maxEntries - COMMON_SPARE * cpus);
}

interface Watched {
  /** As streams and losses are called. */
  readonly label: string;
  readonly map: BpfMap;
  readonly mostKept: number;
  /** Where it is shown: most entries that were found at a reading. */
  readonly peak: (() => number) | undefined;
}

/**
 * Which LRU hashes were so full that the kernel may have forgotten entries. It counts nothing of it, so it is not known
 * how many, nor whether; only that a map which was never that full has lost none, as far as anyone looked.
 */
export class EvictionWatch {
  readonly #unknown = new Set<string>();
  #left: Watched[];
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param peakOf the reader of a map that is shown; others are read here */
  constructor(
    opened: readonly Opened[],
    cpus: number,
    peakOf: (opened: Opened, map: string) => (() => number) | undefined,
  ) {
    this.#left = opened.flatMap((o) =>
      o.object.maps
        .filter((m) => /^lru_/.test(m.type) && m.created && !m.reused)
        .map((map) => ({
          label: distinct(map.name, o, opened, (p) => p.object.maps.some((m) => m.name === map.name)),
          map,
          mostKept: keepsAll(map, cpus),
          peak: peakOf(o, map.name),
        })),
    );
  }

  /** Looks how full the maps are that are not shown, at most each ten seconds unless it is the last time. */
  async look(last = false): Promise<void> {
    const now = performance.now();
    if (!last && now - this.#lookedAt < REST_MS) return;
    this.#lookedAt = now;
    for (const watched of this.#left)
      if (!watched.peak && (await hasMoreThan(watched.map, watched.mostKept)))
        this.#unknown.add(watched.label);
    this.#settle();
  }

  /** Maps of which nobody knows what they forgot. */
  read(): string[] {
    for (const { label, peak, mostKept } of this.#left)
      if (peak && peak() > mostKept) this.#unknown.add(label);
    this.#settle();
    return [...this.#unknown];
  }

  #settle(): void {
    this.#left = this.#left.filter(({ label }) => !this.#unknown.has(label));
  }
}

async function hasMoreThan(map: BpfMap, entries: number): Promise<boolean> {
  const walk = map.walk();
  let found = 0;
  for (walk.begin(); !walk.ended && found <= entries; ) found += await walk.next();
  return found > entries;
}

import { type BpfMap, Btf } from '@skep/bpf';
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
 *
 * @param adapts whether CPUs of this kernel keep the fewer the smaller the map is ({@link spareAdapts})
 */
export function keepsAll(
  { maxEntries, flags }: Pick<BpfMap, 'maxEntries' | 'flags'>,
  cpus: number,
  adapts: boolean,
): number {
  const share = Math.floor(maxEntries / cpus);
  if ((flags & NO_COMMON_LRU) !== 0) return Math.max(0, share - OWN_SPARE);
  const spare = adapts ? Math.min(COMMON_SPARE, Math.max(1, Math.floor(share / 2))) : COMMON_SPARE;
  return Math.max(0, maxEntries - spare * cpus);
}

/** Whether the kernel measures what a CPU may keep by the map, as Linux 6.16 does and older ones with its mends. */
export function spareAdapts(): boolean {
  try {
    const lru = Btf.kernel().find('bpf_lru', 'struct');
    return lru?.kind === 'struct' && lru.members.some((m) => m.name === 'target_free');
  } catch {
    // Without types it is taken for an old one: more is in doubt then.
    return false;
  } finally {
    Btf.releaseKernel();
  }
}

interface Watched {
  /** As streams and losses are called. */
  readonly label: string;
  readonly map: BpfMap;
  /** Where it is shown: most entries that were found at a reading. */
  readonly peak: (() => number) | undefined;
}

/**
 * Which LRU hashes were so full that the kernel may have forgotten entries. It counts nothing of it, so it is not known
 * how many, nor whether; only that a map which was never that full has lost none, as far as anyone looked.
 */
export class EvictionWatch {
  readonly #unknown = new Set<string>();
  readonly #cpus: number;
  #adapts: boolean | undefined;
  #left: Watched[];
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param peakOf the reader of a map that is shown; others are read here */
  constructor(
    opened: readonly Opened[],
    cpus: number,
    peakOf: (opened: Opened, map: string) => (() => number) | undefined,
  ) {
    this.#cpus = cpus;
    this.#left = opened.flatMap((o) =>
      o.object.maps
        .filter((m) => /^lru_/.test(m.type) && m.created && !m.reused)
        .map((map) => ({
          label: distinct(map.name, o, opened, (p) => p.object.maps.some((m) => m.name === map.name)),
          map,
          peak: peakOf(o, map.name),
        })),
    );
  }

  /** Looks how full the maps are that are not shown, at most each ten seconds unless it is the last time. */
  async look(last = false): Promise<void> {
    const now = performance.now();
    if (!last && now - this.#lookedAt < REST_MS) return;
    this.#lookedAt = now;
    for (const { label, map, peak } of this.#left)
      if (!peak && this.#mayForget(map, await entriesIn(map, keepsAll(map, this.#cpus, true) + 1)))
        this.#unknown.add(label);
    this.#settle();
  }

  /** Maps of which nobody knows what they forgot. */
  read(): string[] {
    for (const { label, map, peak } of this.#left)
      if (peak && this.#mayForget(map, peak())) this.#unknown.add(label);
    this.#settle();
    return [...this.#unknown];
  }

  #mayForget(map: BpfMap, entries: number): boolean {
    if (entries <= keepsAll(map, this.#cpus, false)) return false;
    if (entries > keepsAll(map, this.#cpus, true)) return true;
    // Only where they decide are the kernel's types read.
    this.#adapts ??= spareAdapts();
    return !this.#adapts;
  }

  #settle(): void {
    this.#left = this.#left.filter(({ label }) => !this.#unknown.has(label));
  }
}

/** How many entries a map has; of those beyond `most` not all are counted, nor of a map that nobody may read (BPF_F_WRONLY). */
async function entriesIn(map: BpfMap, most: number): Promise<number> {
  const walk = map.walk();
  let found = 0;
  try {
    for (walk.begin(); !walk.ended && found < most; ) found += await walk.next();
  } catch {
    return Number.POSITIVE_INFINITY;
  }
  return found;
}

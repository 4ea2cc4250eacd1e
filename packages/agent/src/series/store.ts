import { errorType, type Labels, Series } from './series.ts';

export interface SeriesStoreOptions {
  /** Label sets at once, 10,000 unless said; what comes after them counts as its service's overflow. */
  readonly most?: number;
}

/** A series that nothing counts for any more is shown so long, so that every scraper has its last value. */
const STALE_MS = 300_000;

/** All series of the agent. */
export class SeriesStore {
  readonly #most: number;
  readonly #all = new Map<string, Series>();
  /** How many label sets found no place of their own. */
  refused = 0;

  constructor(options: SeriesStoreOptions = {}) {
    this.#most = options.most ?? 10_000;
  }

  get size(): number {
    return this.#all.size;
  }

  /** How much of its room is taken: 1 for all. */
  get fill(): number {
    return this.#all.size / this.#most;
  }

  [Symbol.iterator](): Iterator<Series> {
    return this.#all.values();
  }

  /** The series of a label set, made if it is new; then nothing that it counts is older than `startedMs`, since 1970. */
  of(labels: Labels, now: number, startedMs?: number): Series {
    const key = keyOf(labels);
    const known = this.#all.get(key);
    if (known) return known;
    // One for each service and role stays possible beyond the cap: that many there are at most.
    if (this.#all.size >= this.#most && !labels.overflow) {
      this.refused++;
      return this.of(overflowOf(labels), now, startedMs);
    }
    const series = new Series(labels, now, startedMs);
    this.#all.set(key, series);
    if (labels.service) labels.service.series++;
    return series;
  }

  /** Takes out what is stale. */
  expire(now: number): void {
    for (const [key, series] of this.#all) {
      if (series.sources > 0 || now - series.changedAt < STALE_MS) continue;
      this.#all.delete(key);
      if (series.labels.service) series.labels.service.series--;
    }
  }
}

/** What is the same wherever it's shown is one series: a receiver takes two of the same labels for a mistake, or for one. */
function keyOf(l: Labels): string {
  return `${l.service?.id ?? ''}|${l.role}|${l.method}|${l.status}|${errorType(l)}|${l.port}|${l.overflow ? '+' : ''}|${peerOf(l)}|${l.route}`;
}

function peerOf({ role, peer }: Labels): string {
  if (peer.service) return `s${peer.service.name}`;
  if (peer.address) return peer.address.ip;
  return role === 'client' ? '' : peer.key;
}

/** Labels of what cannot be told apart any more. */
export function overflowOf({ service, role }: Pick<Labels, 'service' | 'role'>): Labels {
  return {
    service,
    role,
    method: '',
    route: '',
    status: 0,
    error: '',
    port: 0,
    peer: { key: '' },
    overflow: true,
  };
}

import { OTHER_PEER, type Peer } from '../peers/peers.ts';
import type { Service } from '../services/service.ts';
import type { Series } from './series.ts';

/** Callers by address that a service has labels for. */
const MOST = 100;
/** Who has not called for so long makes room. */
const IDLE_MS = 600_000;
/** All series are looked through, so not for each that finds no room. */
const PAUSE_MS = 60_000;

/** Whoever is on the network may call a service: only so many are told apart at a time. */
export class Callers {
  readonly #series: Iterable<Series>;
  readonly #of = new WeakMap<Service, { known: Set<string>; lookedAt: number }>();

  constructor(series: Iterable<Series>) {
    this.#series = series;
  }

  /** The caller as it is told apart from others: itself, or one of too many. `now`: milliseconds of any clock that never goes back. */
  of(service: Service, caller: Peer, now: number): Peer {
    let of = this.#of.get(service);
    if (!of) {
      of = { known: new Set(), lookedAt: now };
      this.#of.set(service, of);
    }
    if (of.known.has(caller.key)) return caller;
    if (of.known.size >= MOST && now - of.lookedAt >= PAUSE_MS) {
      of.known = this.#recent(service, now);
      of.lookedAt = now;
    }
    if (of.known.size >= MOST) return OTHER_PEER;
    of.known.add(caller.key);
    return caller;
  }

  #recent(service: Service, now: number): Set<string> {
    const found = new Set<string>();
    for (const { labels, changedAt } of this.#series) {
      const { role, peer } = labels;
      if (labels.service !== service || role !== 'server' || !peer.address) continue;
      if (now - changedAt < IDLE_MS) found.add(peer.key);
    }
    return found;
  }
}

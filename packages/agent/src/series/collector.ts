import { type Delta, KernelCounts, type KernelSeries } from '../kernel/counts.ts';
import {
  ERRORS,
  isFingerprint,
  keyReader,
  METHODS,
  overflowKey,
  RAW_PROCESS,
  ROLES,
  SELF,
} from '../kernel/key.ts';
import type { KernelTables } from '../kernel/tables.ts';
import type { Peers } from '../peers/peers.ts';
import { OTHER_ROUTE, type Routes } from '../routes/routes.ts';
import type { Processes } from '../services/processes.ts';
import type { Service } from '../services/service.ts';
import type { Services } from '../services/services.ts';
import { isUntold, TOLD_MS } from '../services/told.ts';
import { noteExports } from '../spans/own.ts';
import { Callers } from './callers.ts';
import type { Labels, Series } from './series.ts';
import { overflowOf, type SeriesStore } from './store.ts';

/** Told of everything that was counted, once. */
export type OnCounted = (series: Series, delta: Delta) => void;

export interface CollectorParts {
  readonly tables: Pick<KernelTables, 'requests' | 'overflow' | 'capacity'>;
  readonly services: Services;
  readonly processes: Processes;
  readonly routes: Routes;
  readonly peers: Peers;
  readonly store: SeriesStore;
  /** For the agent's own requests, which are nobody else's business. */
  readonly own: SeriesStore;
  /** Milliseconds, never going back. */
  readonly clock: () => number;
  readonly onCounted?: OnCounted;
  /** Reads the texts of paths that the kernel has told of and nobody has come round to yet. */
  readonly hearPaths?: () => void;
}

/** A program may be between its look-up of a key and what it adds; nothing that it may still write to is taken out sooner. */
const GRACE_MS = 1_000;
/** The text of a fingerprint comes within milliseconds, or was lost. */
const TEXT_MS = 2_000;
/** Sockets of an ended service may still count. */
const LINGER_MS = 10_000;
/** What may be used again, but has not been for so long. */
const IDLE_MS = 60_000;
/** From here on room is made in the kernel's map, for label sets of our own as well. */
const CROWDED = 0.8;

/**
 * Brings the agent's series up to date with the kernel's: adds what was counted to the series that it belongs to, whatever
 * number or fingerprint it was counted under, and takes out of the kernel what will count no more.
 */
export class Collector {
  readonly #o: CollectorParts;
  readonly #counts: KernelCounts;
  readonly #overflow: KernelCounts;
  readonly #callers: Callers;
  #running: Promise<void> | undefined;
  #heardAt: number | undefined;
  /** When all that the kernel had counted was read last, milliseconds of the clock. */
  collectedAt = Number.NEGATIVE_INFINITY;
  /** Requests so far, all of them. */
  requests = 0;
  /** How many of them the kernel had no room to tell apart. */
  overflowed = 0;
  /** When a series first counted, milliseconds of the clock. */
  firstAt: number | undefined;

  constructor(parts: CollectorParts) {
    this.#o = parts;
    this.#callers = new Callers(parts.store);
    const begun = parts.clock();
    this.#counts = new KernelCounts(parts.tables.requests, keyReader(parts.tables.requests), begun);
    this.#overflow = new KernelCounts(parts.tables.overflow, overflowKey, begun);
  }

  /** Entries in the kernel at the last look. */
  get entries(): number {
    return this.#counts.size;
  }

  /** Reads the kernel's counts; cheap when called again within `freshMs`, and never twice at once. */
  collect(freshMs = 0): Promise<void> {
    if (this.#running) return this.#running;
    if (this.#o.clock() - this.collectedAt < freshMs) return Promise.resolve();
    this.#running = this.#collect().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Nothing counts any more: what waits for its path's text, or for who its process is, is counted as it stands. */
  async finish(): Promise<void> {
    await this.#running;
    await this.#collect(true);
  }

  async #collect(last = false): Promise<void> {
    const now = this.#o.clock();
    this.collectedAt = now;
    await this.#counts.collect(now, (from, delta) => this.#count(from, delta, now, last));
    await this.#overflow.collect(now, (from, delta) => {
      const role = ROLES[from.key.role] ?? 'unknown';
      this.overflowed += delta.requests;
      const series = this.#o.store.of(overflowOf({ service: undefined, role }), now, startOf(from, now));
      this.#add(series, delta, now);
      return true;
    });
    const { store, tables } = this.#o;
    const crowded = Math.max(store.fill, this.#counts.size / tables.capacity.series) > CROWDED;
    for (const from of this.#counts) if (this.#ended(from, now, crowded)) this.#take(from, now);
    store.expire(now);
  }

  #take(from: KernelSeries, now: number): void {
    this.#counts.take(from, (last, delta) => this.#count(last, delta, now, true));
    if (from.target) from.target.sources--;
    from.target = undefined;
  }

  /** False: the text of its path, or who its process is, is on its way. `last`: there is no other time to count it. */
  #count(from: KernelSeries, delta: Delta, now: number, last = false): boolean {
    const { key } = from;
    let target = this.#isOf(from.target, key) ? from.target : undefined;
    if (target === undefined) {
      if (!last && now - from.since < TOLD_MS && isUntold(this.#o.processes, key)) return false;
      const route = this.#routeOf(from, now) ?? (last ? OTHER_ROUTE : undefined);
      if (route === undefined) return false;
      const store = key.service === SELF ? this.#o.own : this.#o.store;
      target = store.of(this.#labels(from, route, now), now, startOf(from, now));
      if (from.target !== target) {
        if (from.target) from.target.sources--;
        target.sources++;
        from.target = target;
      }
    }
    this.#o.routes.answered(key.route, target.labels.role, key.status, delta.requests);
    this.#add(target, delta, now);
    return true;
  }

  /** Whether what counts under the key still belongs there: a process may be another by now, and there may be room again. */
  #isOf(target: Series | undefined, { service, peerProcess }: KernelSeries['key']): target is Series {
    if (target === undefined || (target.labels.overflow && this.#o.store.fill < 1)) return false;
    const { processes } = this.#o;
    const isStill = (pid: number, whose: Service | undefined) =>
      processes.knows(pid) && processes.serviceOf(pid) === whose;
    return (
      (service < RAW_PROCESS || isStill(service - RAW_PROCESS, target.labels.service)) &&
      (peerProcess === 0 || isStill(peerProcess, target.labels.peer.service))
    );
  }

  #add(target: Series, delta: Delta, now: number): void {
    target.add(delta, now);
    if (target.labels.service?.id === SELF) return;
    this.requests += delta.requests;
    this.firstAt ??= now;
    if (target.labels.service) target.labels.service.activeAt = now;
    noteExports(target, now);
    this.#o.onCounted?.(target, delta);
  }

  #routeOf({ key, since }: KernelSeries, now: number): string | undefined {
    // Counted without routes: neither number nor fingerprint.
    if (key.route === 0n) return '';
    const route = this.#o.routes.find(key.route);
    if (route) return route.text;
    if (!isFingerprint(key.route)) return OTHER_ROUTE;
    if (now - since < TEXT_MS) return undefined;
    // An agent that got no time meanwhile has not read it.
    if (this.#heardAt !== now) {
      this.#heardAt = now;
      this.#o.hearPaths?.();
      const told = this.#o.routes.find(key.route);
      if (told) return told.text;
    }
    this.#o.routes.askAgain(key.route);
    return OTHER_ROUTE;
  }

  #labels({ key }: KernelSeries, route: string, now: number): Labels {
    const service = this.#service(key.service);
    const role = ROLES[key.role] ?? 'unknown';
    const peer = this.#o.peers.of(key.peer);
    const calls = service && role === 'server' && peer.address;
    return {
      service,
      role,
      method: METHODS[key.method] ?? METHODS[0],
      route,
      status: key.status,
      error: ERRORS[key.error] ?? '',
      port: key.port,
      peer: calls ? this.#callers.of(service, peer, now) : peer,
      overflow: false,
    };
  }

  #service(number: number): Service | undefined {
    const { processes, services } = this.#o;
    return number >= RAW_PROCESS ? processes.serviceOf(number - RAW_PROCESS) : services.byId(number);
  }

  /** Will nothing count under this key any more? Then its room is given back. */
  #ended({ key, changedAt, since }: KernelSeries, now: number, crowded: boolean): boolean {
    const quiet = now - Math.max(changedAt, since);
    if (quiet < GRACE_MS) return false;
    // A peer's own process number stands in keys of connections that were open before it had a service's.
    const transient = key.peerProcess !== 0;
    if (quiet >= IDLE_MS && (crowded || transient)) return true;
    // The other end of a server that many short processes call has ended, and its connections with it.
    if (quiet >= LINGER_MS && transient && this.#o.processes.ended(key.peerProcess, LINGER_MS)) return true;
    const { processes, routes, services } = this.#o;
    if (key.service >= RAW_PROCESS && processes.settled(key.service - RAW_PROCESS, GRACE_MS)) return true;
    if (isFingerprint(key.route)) {
      if (routes.settled(key.route, now, GRACE_MS)) return true;
      if (quiet >= LINGER_MS) return true;
    } else if (key.route !== 0n) {
      const route = routes.find(key.route);
      if (!route) return true;
      if (route.supersededAt !== undefined && now - route.supersededAt >= GRACE_MS) return true;
    }
    if (key.service === SELF || key.service >= RAW_PROCESS) return false;
    const service = services.byId(key.service);
    return !service || (service.pids.size === 0 && now - service.activeAt >= LINGER_MS);
  }
}

/** Since when an entry may have counted, milliseconds since 1970. */
function startOf(from: KernelSeries, now: number): number {
  return Date.now() - (now - from.after);
}

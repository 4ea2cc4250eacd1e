import type { Identity } from '@skep/identity';
import { SELF } from '../kernel/key.ts';
import { Service } from './service.ts';

/** The name of processes that ended before anybody could say who they were. */
export const UNKNOWN_SERVICE = 'unknown';
/** The name of services beyond the cap, as OpenTelemetry has it for values that are not listed. */
export const OTHER_SERVICE = '_OTHER';

export interface ServicesOptions {
  /** Services at once, 4096 unless said; what comes after them is `_OTHER`. */
  readonly most?: number;
}

/** After so long without process, request and label set a service is forgotten. */
const IDLE_MS = 300_000;

/** All services of the machine, by name and namespace. A number, once given, is never given to another. */
export class Services {
  readonly #most: number;
  readonly #byKey = new Map<string, Service>();
  readonly #byId = new Map<number, Service>();
  readonly self: Service;
  #next = 1;
  /** How many processes were given `_OTHER`, for want of room. */
  refused = 0;

  constructor(options: ServicesOptions = {}) {
    this.#most = options.most ?? 4096;
    this.self = new Service(SELF, 'skep', undefined, 0);
    this.#byId.set(SELF, this.self);
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Whether one more would be `_OTHER`. That one is beyond the cap itself. */
  get full(): boolean {
    return this.#byKey.size >= this.#most;
  }

  [Symbol.iterator](): Iterator<Service> {
    return this.#byKey.values();
  }

  byId(id: number): Service | undefined {
    return this.#byId.get(id);
  }

  /** The service of a process; undefined for one of which nothing is known. */
  of(identity: Identity | undefined, now: number): Service {
    const { name = UNKNOWN_SERVICE, namespace } = identity?.service ?? {};
    const service = this.#named(name, namespace, now);
    service.activeAt = now;
    if (identity && service.name === name) {
      service.identity = identity;
      // Of one that has ended it is not known.
      if (!identity.fromEvent) service.sdks = identity.sdks;
    }
    return service;
  }

  /** Takes out what has been idle for minutes. */
  expire(now: number, onGone: (service: Service) => void): void {
    for (const [key, service] of this.#byKey) {
      if (service.pids.size > 0 || service.series > 0 || now - service.activeAt < IDLE_MS) continue;
      this.#byKey.delete(key);
      this.#byId.delete(service.id);
      onGone(service);
    }
  }

  #named(name: string, namespace: string | undefined, now: number): Service {
    const key = `${namespace ?? ''}\0${name}`;
    const known = this.#byKey.get(key);
    if (known) return known;
    if (this.full && name !== OTHER_SERVICE) {
      this.refused++;
      return this.#named(OTHER_SERVICE, undefined, now);
    }
    const service = new Service(this.#next++, name, namespace, now);
    this.#byKey.set(key, service);
    this.#byId.set(service.id, service);
    return service;
  }
}

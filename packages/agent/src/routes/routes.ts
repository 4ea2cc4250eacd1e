import { Buffer } from 'node:buffer';
import type { Role } from '../kernel/key.ts';
import type { KernelTables } from '../kernel/tables.ts';
import { dropOldest } from '../oldest.ts';
import type { Answers } from './judge.ts';
import { Patterns } from './patterns.ts';
import { hashSegment, isParameter, seedOf, segmentsOf } from './segment.ts';
import { LIMITS, OTHER_ROUTE, type Prefix, Trie, type TrieLimits } from './trie.ts';

/** A route of a service, and its number in the kernel. */
export interface Route {
  readonly number: number;
  readonly text: string;
  readonly service: number;
  /** Fingerprints that the kernel counts as this route. */
  readonly fingerprints: Set<bigint>;
  /** When its paths got another route, milliseconds; undefined while it is one. */
  supersededAt?: number;
  /**
   * How many of its requests were answered, and not refused, as far as is known; by those that were sent and those that came, since
   * a proxy has each twice.
   */
  readonly answers: { client: Answers; server: Answers };
}

interface Fingerprint {
  readonly route: Route;
  /** Since when the kernel has its number, milliseconds. */
  readonly since: number;
  /** The process that it was counted under, whose service the kernel did not know yet. */
  readonly pid: number | undefined;
}

interface ServiceRoutes {
  readonly trie: Trie;
  readonly byText: Map<string, Route>;
  /** Path hashes that the kernel was told of. */
  readonly learned: Set<bigint>;
}

export interface RoutesOptions {
  /** Routes by configuration. */
  readonly patterns?: readonly string[];
  readonly limits?: Partial<TrieLimits>;
  /** Whether {@link Routes.answered} will be told. */
  readonly answers?: boolean;
}

/** Fingerprints that the kernel knows, of those it has room for: the rest is for what it asks meanwhile. */
const SHARE = 0.75;
/** Fingerprints that the kernel knows no more but may still be counted under, of requests that take long. */
const REMEMBERED = 16_384;
/** A superseded route's number may still stand in the kernel for so long. */
const NUMBER_KEPT_MS = 120_000;

type Tables = Pick<KernelTables, 'setRoute' | 'deleteRoute' | 'learn' | 'unlearn' | 'capacity'>;

/**
 * Routes of all services: takes the text of each new fingerprint, finds its route, and tells the kernel, so that it counts by
 * route. Bounds: routes and depth a service by the trie, fingerprints by what the kernel's map holds (the oldest goes; the
 * kernel asks again if it is still used), learned places by the kernel's map (beyond it, only fingerprints grow).
 */
export class Routes {
  readonly #tables: Tables;
  readonly #patterns: Patterns;
  readonly #limits: TrieLimits;
  readonly #untold: Answers;
  readonly #services = new Map<number, ServiceRoutes>();
  readonly #numbers = new Map<number, Route>();
  readonly #fingerprints = new Map<bigint, Fingerprint>();
  /** Fingerprints by the process that they were counted under. */
  readonly #byPid = new Map<number, Set<bigint>>();
  readonly #remembered = new Map<bigint, Route>();
  readonly #superseded: Route[] = [];
  #next = 1;
  /** Fingerprints that were given up for want of room, and learned places that found none. */
  evicted = 0;
  learnRefused = 0;

  /** @throws AgentError SKEP_AGENT_CONFIG for a pattern that can match nothing */
  constructor(tables: Tables, options: RoutesOptions = {}) {
    this.#tables = tables;
    this.#patterns = new Patterns(options.patterns ?? []);
    this.#limits = { ...LIMITS, ...options.limits };
    this.#untold = options.answers ? undefined : Number.POSITIVE_INFINITY;
  }

  get fingerprints(): number {
    return this.#fingerprints.size;
  }

  get size(): number {
    let sum = 0;
    for (const { byText } of this.#services.values()) sum += byText.size;
    return sum;
  }

  /**
   * The text of a fingerprint has come.
   *
   * @param service whose it is, whatever number the kernel had for it
   * @param pid the process that it is counted under, when the kernel had no service for that
   */
  path(fingerprint: bigint, service: number, target: string, now: number, pid?: number): Route {
    const of = this.#of(service);
    const path = pathOf(target);
    const pattern = this.#patterns.match(path);
    if (pattern !== undefined) this.#learnPlaces(of, service, path);
    const learned = pattern ?? this.#learnedRoute(of, service, path, now);
    const route = this.#route(of, service, learned, pattern ?? readable(learned));
    this.#put(fingerprint, { route, since: now, pid });
    return route;
  }

  /** The route that a number or fingerprint stands for; undefined when its text has not come. */
  find(route: bigint): Route | undefined {
    if (route <= 0xffff_ffffn) return this.#numbers.get(Number(route));
    return this.#fingerprints.get(route)?.route ?? this.#remembered.get(route);
  }

  /** Requests of the route that this number or fingerprint stands for have been answered; status 0: they were not. */
  answered(number: bigint, role: Role, status: number, requests: number): void {
    const route = this.find(number);
    if (!route || role === 'unknown') return;
    const { answers } = route;
    const refused = status >= 400 && status < 500;
    answers[role] = (answers[role] ?? 0) + (refused ? 0 : requests);
  }

  /** Whether the kernel has had the number of this fingerprint for so long that nothing counts under the fingerprint itself. */
  settled(fingerprint: bigint, now: number, graceMs: number): boolean {
    const known = this.#fingerprints.get(fingerprint);
    return known !== undefined && now - known.since >= graceMs;
  }

  /** Let the kernel ask again. */
  askAgain(fingerprint: bigint): void {
    if (!this.#fingerprints.has(fingerprint)) this.#tables.deleteRoute(fingerprint);
  }

  /** A service is no more. */
  forget(service: number): void {
    const of = this.#services.get(service);
    if (!of) return;
    this.#services.delete(service);
    for (const hash of of.learned) this.#tables.unlearn(hash);
    for (const route of of.byText.values()) {
      for (const fingerprint of route.fingerprints) this.#drop(fingerprint);
      this.#numbers.delete(route.number);
    }
  }

  /** A process has ended, and its connections with it: nothing is counted under its own fingerprints any more. */
  forgetProcess(pid: number): void {
    for (const fingerprint of this.#byPid.get(pid) ?? []) {
      this.#drop(fingerprint);
      this.#remembered.delete(fingerprint);
    }
  }

  /** Forgets numbers of routes that are long no more, and has the kernel tell names apart again where a flood is over. */
  tidy(now: number): void {
    for (const [service, of] of this.#services) {
      for (const prefix of of.trie.ebb(now)) {
        const hash = hashOf(service, prefix);
        if (of.learned.delete(hash)) this.#tables.unlearn(hash);
      }
    }
    while (this.#superseded.length > 0 && now - this.#superseded[0]!.supersededAt! > NUMBER_KEPT_MS)
      this.#numbers.delete(this.#superseded.shift()!.number);
  }

  #of(service: number): ServiceRoutes {
    let of = this.#services.get(service);
    if (of === undefined) {
      const byText = new Map<string, Route>();
      const answers = (text: string) => mostOf(byText.get(text)?.answers);
      of = { trie: new Trie(this.#limits, answers), byText, learned: new Set() };
      this.#services.set(service, of);
    }
    return of;
  }

  #learnedRoute(of: ServiceRoutes, service: number, path: string, now: number): string {
    const found = of.trie.routeOf(path, now);
    for (const prefix of found.learned)
      if (!this.#patterns.namesBehind(prefix)) this.#learn(of, service, prefix);
    for (const text of found.superseded) this.#supersede(of, text, now);
    return found.route;
  }

  #supersede(of: ServiceRoutes, text: string, now: number): void {
    const route = of.byText.get(text);
    if (!route) return;
    of.byText.delete(text);
    route.supersededAt = now;
    this.#superseded.push(route);
    for (const fingerprint of route.fingerprints) this.#drop(fingerprint);
  }

  #route(of: ServiceRoutes, service: number, key: string, text: string): Route {
    let route = of.byText.get(key);
    if (route === undefined) {
      const answers = { client: this.#untold, server: this.#untold };
      route = { number: this.#next++, text, service, fingerprints: new Set(), answers };
      of.byText.set(key, route);
      this.#numbers.set(route.number, route);
    }
    return route;
  }

  #put(fingerprint: bigint, known: Fingerprint): void {
    const { route, pid } = known;
    this.#take(fingerprint);
    if (!this.#tables.setRoute(fingerprint, route.number)) {
      this.evicted++;
      this.#remember(fingerprint, route);
      return;
    }
    this.#remembered.delete(fingerprint);
    this.#fingerprints.set(fingerprint, known);
    route.fingerprints.add(fingerprint);
    if (pid !== undefined) {
      const of = this.#byPid.get(pid) ?? new Set();
      this.#byPid.set(pid, of.add(fingerprint));
    }
    const most = this.#tables.capacity.fingerprints * SHARE;
    dropOldest(this.#fingerprints, most, (oldest) => {
      this.evicted++;
      this.#drop(oldest);
    });
  }

  #take(fingerprint: bigint): Fingerprint | undefined {
    const known = this.#fingerprints.get(fingerprint);
    if (!known) return undefined;
    this.#fingerprints.delete(fingerprint);
    known.route.fingerprints.delete(fingerprint);
    const of = known.pid === undefined ? undefined : this.#byPid.get(known.pid);
    if (of?.delete(fingerprint) && of.size === 0) this.#byPid.delete(known.pid!);
    return known;
  }

  #drop(fingerprint: bigint): void {
    const known = this.#take(fingerprint);
    if (!known) return;
    this.#tables.deleteRoute(fingerprint);
    this.#remember(fingerprint, known.route);
  }

  #remember(fingerprint: bigint, route: Route): void {
    this.#remembered.delete(fingerprint);
    this.#remembered.set(fingerprint, route);
    dropOldest(this.#remembered, REMEMBERED);
  }

  #learn(of: ServiceRoutes, service: number, prefix: Prefix): void {
    const hash = hashOf(service, prefix);
    if (of.learned.has(hash)) return;
    if (this.#tables.learn(hash)) of.learned.add(hash);
    else this.learnRefused++;
  }

  /** Of a path that a pattern fits, the kernel learns at once which segments are values. */
  #learnPlaces(of: ServiceRoutes, service: number, path: string): void {
    const places = this.#patterns.parameterPlaces(path);
    const segments = segmentsOf(path);
    for (const place of places) {
      const prefix = segments
        .slice(0, place)
        .map((text, i) => (isParameter(text) || places.includes(i) ? ('parameter' as const) : { text }));
      this.#learn(of, service, prefix);
    }
  }
}

function mostOf({ client, server }: Partial<Route['answers']> = {}): Answers {
  return client === undefined && server === undefined ? undefined : Math.max(client ?? 0, server ?? 0);
}

function hashOf(service: number, prefix: Prefix): bigint {
  return prefix.reduce(hashSegment, seedOf(service));
}

/** The path of a request's target: proxies are asked for `http://host/path`, and to CONNECT to `host:443`, which is no route. */
function pathOf(target: string): string {
  if (target.startsWith('/') || target === '*') return target;
  const host = /^[a-z][a-z0-9+.-]*:\/\/[^/]*/i.exec(target)?.[0];
  if (host !== undefined) return target.slice(host.length) || '/';
  return /^[^/]+:\d+$/.test(target) ? OTHER_ROUTE : target;
}

/** Control characters beyond ASCII, and those that turn or end a line. */
const STEERING = /[\u0080-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** What was bytes so far as people read it: paths are UTF-8, where they are not ASCII. Nothing in it steers a terminal. */
function readable(route: string): string {
  if (!/[\x80-\xff]/.test(route)) return route;
  return Buffer.from(route, 'latin1').toString('utf8').replace(STEERING, '\ufffd');
}

/** A path as the probe sends it: up to 255 bytes, in two parts where a call's end cut it, with zeros between them. */
export function pathText(bytes: Uint8Array, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) if (bytes[i] !== 0) text += String.fromCharCode(bytes[i]!);
  return text;
}

export { OTHER_ROUTE };

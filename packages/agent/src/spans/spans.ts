import type { Identity } from '@skep/identity';
import { RAW_PROCESS, type Role, SELF } from '../kernel/key.ts';
import type { Peer, Peers } from '../peers/peers.ts';
import { OTHER_ROUTE, type Routes } from '../routes/routes.ts';
import { errorType } from '../series/series.ts';
import type { Processes } from '../services/processes.ts';
import type { Service } from '../services/service.ts';
import type { Services } from '../services/services.ts';
import { isUntold, TOLD_MS } from '../services/told.ts';
import { randomId } from './ids.ts';
import type { KernelSpan } from './span.ts';

/** A request that was taken as a span. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  /** Milliseconds since 1970, with a fraction. */
  readonly startMs: number;
  /** Nanoseconds since 1970. */
  readonly start: bigint;
  /** Nanoseconds. */
  readonly duration: bigint;
  readonly service: Service;
  readonly identity?: Identity;
  readonly role: Role;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  /** `error.type`; empty where there was no error. */
  readonly errorType: string;
  /** Why it was taken. */
  readonly reason: 'error' | 'slow' | 'sample';
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly pid: number;
  readonly port: number;
  readonly peer: Peer;
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly localPort: number;
  readonly peerPort: number;
}

export interface SpansParts {
  readonly services: Services;
  readonly processes: Processes;
  readonly routes: Routes;
  readonly peers: Peers;
  /** Milliseconds, never going back. */
  readonly clock: () => number;
  readonly onSpan: (span: Span) => void;
}

/** The text of its path may come after a span: it waits so long. */
const TEXT_MS = 1_000;
/** Spans that wait for a text or for their process; more go without. */
const MOST_WAITING = 1_000;

/** What the wall clock is behind by was not cut off: it was set, or has drifted so far. */
const CLOCK_SET_NS = 2_000_000n;

/** Spans that `skep agent traces` can show. */
const RECENT = 1000;

/** Makes spans of the kernel's records: names who and what, and gives them ids. */
export class Spans {
  readonly #o: SpansParts;
  readonly #recent: Span[] = [];
  #waiting: { from: KernelSpan; since: number }[] = [];
  #offset = 0n;
  #clockIsOld = true;
  taken = 0;

  constructor(parts: SpansParts) {
    this.#o = parts;
  }

  /**
   * The difference of the kernel's clock to the wall clock, before each batch: the machine may have slept since the last. Node
   * knows whole milliseconds, cut off; so the largest of late is the best, and two ends of one request are not put out of order.
   */
  #updateClock(): void {
    const offset = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
    if (offset > this.#offset || this.#offset - offset > CLOCK_SET_NS) this.#offset = offset;
    this.#clockIsOld = false;
  }

  /** Time may pass until the next span. */
  batchEnded(): void {
    this.#clockIsOld = true;
  }

  /** Newest last. */
  get recent(): readonly Span[] {
    return this.#recent;
  }

  /** A record has come; it becomes a span now, or as soon as its route and its process are known. */
  take(from: KernelSpan): void {
    if (this.#clockIsOld) this.#updateClock();
    if (!this.#isKnown(from, 0) && this.#waiting.length < MOST_WAITING)
      this.#waiting.push({ from, since: this.#o.clock() });
    else this.#make(from);
  }

  /** Makes those that have waited for what they are called by. */
  settle(): void {
    const now = this.#o.clock();
    // To make one may bring in what the kernel has told of processes, and then it is asked here again.
    const all = this.#waiting;
    this.#waiting = [];
    for (const waiting of all) {
      if (this.#isKnown(waiting.from, now - waiting.since)) this.#make(waiting.from);
      else this.#waiting.push(waiting);
    }
  }

  /** Nothing more will be told: makes all that wait. */
  finish(): void {
    for (const { from } of this.#waiting.splice(0)) this.#make(from);
  }

  /** Whether route and process are known, or have had their time. */
  #isKnown(from: KernelSpan, waitedMs: number): boolean {
    if (waitedMs < TEXT_MS && this.#routeOf(from) === undefined) return false;
    return waitedMs >= TOLD_MS || !isUntold(this.#o.processes, from);
  }

  #routeOf({ route, path }: KernelSpan): string | undefined {
    const { routes } = this.#o;
    return routes.find(route)?.text ?? (path === 0n ? '' : routes.find(path)?.text);
  }

  #make(from: KernelSpan): void {
    const { services, processes, peers } = this.#o;
    const service =
      from.service === SELF
        ? services.self
        : ((from.service >= RAW_PROCESS
            ? processes.serviceOf(from.service - RAW_PROCESS)
            : services.byId(from.service)) ?? processes.serviceOf(from.pid));
    const start = from.start + this.#offset;
    const span: Span = {
      traceId: from.parent?.traceId ?? randomId(16),
      spanId: randomId(8),
      parentSpanId: from.parent?.spanId,
      startMs: Number(start / 1000n) / 1000,
      start,
      duration: from.duration,
      service,
      identity: service === services.self ? undefined : processes.identity(from.pid),
      role: from.role,
      method: from.method,
      route: this.#routeOf(from) ?? OTHER_ROUTE,
      status: from.status,
      errorType: errorType(from),
      reason: from.reason,
      requestBytes: from.requestBytes,
      responseBytes: from.responseBytes,
      pid: from.pid,
      port: from.port,
      peer: peers.of(from.peer),
      localAddress: from.localAddress,
      peerAddress: from.peerAddress,
      localPort: from.localPort,
      peerPort: from.peerPort,
    };
    if (service !== services.self) {
      this.taken++;
      this.#recent.push(span);
      if (this.#recent.length > RECENT) this.#recent.shift();
    }
    this.#o.onSpan(span);
  }
}

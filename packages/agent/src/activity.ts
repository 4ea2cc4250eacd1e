import type { Delta } from './kernel/counts.ts';
import { quantile, SLOTS } from './latency.ts';
import { errorType, type Series } from './series/series.ts';
import type { Service } from './services/service.ts';

/** Seconds that the figures of the live view are about. */
const WINDOW = 10;

/** What one side of a service did in the last seconds. */
class Window {
  /** All that the window holds, by slot. */
  readonly slots = new Float64Array(SLOTS);
  /** What came since the last tick, by slot, and which slots that are. */
  readonly #now = new Float64Array(SLOTS);
  readonly #touched: number[] = [];
  /** What each tick before it added: slot and count, in turns. There are many services, and a second touches few slots. */
  readonly #ticks: number[][] = Array.from({ length: WINDOW }, () => []);
  readonly #errors = new Float64Array(WINDOW);
  readonly #requests = new Float64Array(WINDOW);
  requests = 0;
  errors = 0;
  #at = 0;

  add({ slots, requests }: Delta, failed: boolean): void {
    for (let i = 0; i < slots.length; i += 2) {
      const slot = slots[i]!;
      const count = slots[i + 1]!;
      this.slots[slot]! += count;
      if (this.#now[slot] === 0) this.#touched.push(slot);
      this.#now[slot]! += count;
    }
    this.#requests[this.#at]! += requests;
    this.requests += requests;
    if (!failed) return;
    this.#errors[this.#at]! += requests;
    this.errors += requests;
  }

  /** The next tick begins; false when the window has become empty. */
  tick(): boolean {
    const added = this.#ticks[this.#at]!;
    for (const slot of this.#touched) {
      added.push(slot, this.#now[slot]!);
      this.#now[slot] = 0;
    }
    this.#touched.length = 0;
    this.#at = (this.#at + 1) % WINDOW;
    const over = this.#ticks[this.#at]!;
    for (let i = 0; i < over.length; i += 2) this.slots[over[i]!]! -= over[i + 1]!;
    over.length = 0;
    this.requests -= this.#requests[this.#at]!;
    this.errors -= this.#errors[this.#at]!;
    this.#requests[this.#at] = 0;
    this.#errors[this.#at] = 0;
    return this.requests > 0;
  }
}

/** Figures of one side of a service. Rates are per second, durations in milliseconds; NaN where nothing was counted. */
export interface Side {
  readonly rate: number;
  readonly errorRate: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Since the agent began. */
  readonly requests: number;
  readonly errors: number;
}

interface Of {
  readonly windows: Record<'server' | 'client', Window | undefined>;
  readonly totals: Record<'server' | 'client', { requests: number; errors: number }>;
  readonly ports: Set<number>;
  readonly callers: Peers;
  readonly callees: Peers;
}

/** Who calls and is no watched process of this machine, where such are not told apart. */
const ELSEWHERE = '(others)';

/** Peers that are kept of a service. */
const PEERS = 32;

/** What is left of a weight after a second, and below which it is forgotten. */
const FADING = 0.9;
const FORGOTTEN = 0.01;

/** Who calls or is called, how often, fading. */
class Peers {
  /** When it was last added to, in ticks, and its weight then: there are many, and most of them are never looked at. */
  readonly #of = new Map<string, { weight: number; at: number }>();

  add(name: string, requests: number, tick: number): void {
    const known = this.#of.get(name);
    if (known) {
      known.weight = faded(known, tick) + requests;
      known.at = tick;
      return;
    }
    if (this.#of.size >= PEERS) this.#forget(tick);
    if (this.#of.size < PEERS) this.#of.set(name, { weight: requests, at: tick });
  }

  /** Most often first. */
  names(tick: number): string[] {
    this.#forget(tick);
    return [...this.#of].sort(([, a], [, b]) => faded(b, tick) - faded(a, tick)).map(([name]) => name);
  }

  #forget(tick: number): void {
    for (const [name, of] of this.#of) if (faded(of, tick) < FORGOTTEN) this.#of.delete(name);
  }
}

function faded({ weight, at }: { weight: number; at: number }, tick: number): number {
  return weight * FADING ** (tick - at);
}

/** What happens now, by service: what the live view shows. */
export class Activity {
  readonly #of = new Map<Service, Of>();
  /** Of each tick in the window: up to when all had been counted as it began. Milliseconds. */
  readonly #since = [0];
  #counted = 0;
  #ticks = 0;

  /** From now on there is something to count. Milliseconds of any clock that never goes back. */
  begin(now: number): void {
    this.#since.splice(0, WINDOW, now);
    this.#counted = now;
  }

  /** All that there was up to now has been added. */
  counted(now: number): void {
    this.#counted = now;
  }

  /** What the window is about: ticks come late after a stop, and what was counted meanwhile comes all at once. */
  get #seconds(): number {
    return Math.max(1, (this.#counted - this.#since[0]!) / 1000);
  }

  /** A counted delta of a series. */
  add(series: Series, delta: Delta): void {
    const { service, role, port, peer } = series.labels;
    if (!service || role === 'unknown') return;
    const of = this.#ofService(service);
    const failed = errorType(series.labels) !== '' && !series.labels.overflow;
    of.windows[role] ??= new Window();
    of.windows[role].add(delta, failed);
    of.totals[role].requests += delta.requests;
    if (failed) of.totals[role].errors += delta.requests;
    if (role === 'server' && port !== 0) of.ports.add(port);
    const name = peer.service?.name ?? peer.address?.ip ?? (peer.key === '*' ? ELSEWHERE : undefined);
    if (name === undefined) return;
    const peers = role === 'server' ? of.callers : of.callees;
    peers.add(name, delta.requests, this.#ticks);
  }

  /** A second has passed. */
  tick(): void {
    this.#ticks++;
    this.#since.push(this.#counted);
    if (this.#since.length > WINDOW) this.#since.shift();
    for (const { windows } of this.#of.values()) {
      if (windows.server?.tick() === false) windows.server = undefined;
      if (windows.client?.tick() === false) windows.client = undefined;
    }
  }

  forget(service: Service): void {
    this.#of.delete(service);
  }

  side(service: Service, role: 'server' | 'client'): Side {
    const of = this.#of.get(service);
    const window = of?.windows[role];
    const totals = of?.totals[role] ?? { requests: 0, errors: 0 };
    if (!window)
      return { rate: 0, errorRate: 0, p50: Number.NaN, p95: Number.NaN, p99: Number.NaN, ...totals };
    const ms = (share: number) => quantile(window.slots, share) / 1e6;
    return {
      rate: window.requests / this.#seconds,
      errorRate: window.errors / this.#seconds,
      p50: ms(0.5),
      p95: ms(0.95),
      p99: ms(0.99),
      ...totals,
    };
  }

  ports(service: Service): number[] {
    return [...(this.#of.get(service)?.ports ?? [])].sort((a, b) => a - b);
  }

  /** Who calls it, most often first. */
  callers(service: Service): string[] {
    return this.#of.get(service)?.callers.names(this.#ticks) ?? [];
  }

  /** Whom it calls, likewise. */
  callees(service: Service): string[] {
    return this.#of.get(service)?.callees.names(this.#ticks) ?? [];
  }

  #ofService(service: Service): Of {
    let of = this.#of.get(service);
    if (!of) {
      const none = () => ({ requests: 0, errors: 0 });
      of = {
        windows: { server: undefined, client: undefined },
        totals: { server: none(), client: none() },
        ports: new Set(),
        callers: new Peers(),
        callees: new Peers(),
      };
      this.#of.set(service, of);
    }
    return of;
  }
}

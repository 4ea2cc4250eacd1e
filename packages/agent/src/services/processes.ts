import type { ExecEvent, ExitEvent, ForkEvent, Identities, Identity } from '@skep/identity';
import type { KernelTables } from '../kernel/tables.ts';
import { dropOldest } from '../oldest.ts';
import type { Service } from './service.ts';
import { OTHER_SERVICE, type Services } from './services.ts';

/** A process that has counted something. */
interface Known {
  readonly service: Service;
  readonly identity: Identity | undefined;
  /** Since when the kernel knows whose it is, milliseconds; undefined when it does not. */
  readonly since: number | undefined;
  endedAt: number | undefined;
}

/** Sockets outlive their process by seconds: what they still count is the service's. */
const LINGER_MS = 10_000;
/**
 * Who an ended process was is remembered so long: for what its sockets still count, and its spans that are on their way. With
 * 200 short ones a second a minute of them was 9,000, and 20 MB of heap.
 */
export const REMEMBER_MS = 20_000;
/** Ends of processes that nobody has asked for yet. */
const MOST_ENDS = 8192;
/** An event may be lost; then a process is found to have ended, or to be another, at the latest after this time. */
const SWEEP_MS = 30_000;
const YOUNG_MS = 6_000;

/**
 * Which service each process is. The kernel is told of those that count something, when it first does; until then it counts
 * under the process itself.
 */
export class Processes {
  readonly #identities: Identities;
  readonly #services: Services;
  readonly #tables: Pick<KernelTables, 'setService' | 'deleteService'>;
  readonly #clock: () => number;
  readonly #hear: () => void;
  readonly #gone: (pid: number) => void;
  readonly #known = new Map<number, Known>();
  readonly #ends = new Map<number, number>();
  #sweptAt: number;
  /** Processes that the kernel's map had no room for: they count under themselves, and are folded here. */
  refused = 0;

  /**
   * @param hear takes in at once what the kernel has told of processes: calls {@link fork}, {@link exec} and {@link exit}
   * @param gone told of each that has ended so long ago that nothing of it counts any more
   */
  constructor(
    services: Services,
    tables: Pick<KernelTables, 'setService' | 'deleteService'>,
    clock: () => number,
    identities: Identities,
    hear: () => void,
    gone: (pid: number) => void = () => undefined,
  ) {
    this.#services = services;
    this.#tables = tables;
    this.#clock = clock;
    this.#hear = hear;
    this.#gone = gone;
    this.#identities = identities;
    this.#sweptAt = clock();
  }

  get size(): number {
    return this.#known.size;
  }

  /** Whether its service has been found. */
  knows(pid: number): boolean {
    return this.#known.has(pid);
  }

  /** Those that run, as far as is known. */
  *running(): Generator<{ readonly identity: Identity; readonly service: Service }> {
    for (const { identity, service, endedAt } of this.#known.values())
      if (identity && endedAt === undefined) yield { identity, service };
  }

  /** Who it is, or was. */
  identity(pid: number): Identity | undefined {
    return this.#known.get(pid)?.identity ?? this.#identities.get(pid);
  }

  /** The service of a process, from now on also in the kernel. */
  serviceOf(pid: number): Service {
    const known = this.#known.get(pid);
    if (known) return known.service;
    // What it did may have come sooner than what it is: another ring, another turn. It may have ended since.
    this.#hear();
    const now = this.#clock();
    const identity = this.#identities.get(pid);
    const service = this.#services.of(identity, now);
    const endedAt = this.#ends.get(pid) ?? (identity?.fromEvent ? now : undefined);
    let since: number | undefined;
    if (endedAt === undefined && identity !== undefined) {
      if (this.#tables.setService(pid, service.id)) since = now;
      else this.refused++;
      service.pids.add(pid);
    }
    this.#known.set(pid, { service, identity, since, endedAt: identity ? endedAt : now });
    return service;
  }

  /** Whether nothing has counted under the process itself for so long, since its service counts. */
  settled(pid: number, graceMs: number): boolean {
    const known = this.#known.get(pid);
    if (!known) return false;
    const now = this.#clock();
    if (known.endedAt !== undefined) return now - known.endedAt >= graceMs;
    return known.since !== undefined && now - known.since >= graceMs;
  }

  /** Whether it ended so long ago, as far as is known. */
  ended(pid: number, graceMs: number): boolean {
    const at = this.#known.get(pid)?.endedAt ?? this.#ends.get(pid);
    return at !== undefined && this.#clock() - at >= graceMs;
  }

  fork(event: ForkEvent): void {
    this.#ends.delete(event.pid);
    this.#forget(event.pid);
    this.#identities.fork(event);
  }

  exec(event: ExecEvent): void {
    this.#ends.delete(event.pid);
    this.#forget(event.pid);
    this.#identities.exec(event);
  }

  exit(event: ExitEvent): void {
    const now = this.#clock();
    this.#identities.exit(event);
    this.#end(event.pid, now);
    this.#ends.delete(event.pid);
    this.#ends.set(event.pid, now);
    dropOldest(this.#ends, MOST_ENDS);
  }

  /** Takes ended processes out of the kernel, and looks now and then whether the others are what they were. */
  tidy(): void {
    const now = this.#clock();
    for (const [pid, known] of this.#known) {
      if (known.endedAt === undefined) continue;
      if (known.since !== undefined && now - known.endedAt >= LINGER_MS) {
        this.#tables.deleteService(pid);
        this.#known.set(pid, { ...known, since: undefined });
      }
      if (now - known.endedAt < REMEMBER_MS) continue;
      this.#known.delete(pid);
      this.#gone(pid);
    }
    for (const [pid, at] of this.#ends) {
      if (now - at < REMEMBER_MS) break;
      this.#ends.delete(pid);
    }
    const all = now - this.#sweptAt >= SWEEP_MS;
    if (all) this.#sweptAt = now;
    for (const [pid, known] of this.#known) {
      if (known.endedAt !== undefined) continue;
      // One that had hardly begun may have mapped its runtime since.
      if (all || now - (known.since ?? now) < YOUNG_MS) this.#look(pid, known, now);
    }
  }

  #look(pid: number, known: Known, now: number): void {
    const identity = this.#identities.get(pid);
    if (identity === undefined) this.#end(pid, now);
    else if (!isSameService(identity, known.identity) || this.#hasRoomNow(known)) this.#forget(pid);
    else if (identity !== known.identity) {
      this.#known.set(pid, { ...known, identity });
      this.#services.of(identity, known.service.activeAt);
    }
  }

  /** It was one service too many, and is none any more. */
  #hasRoomNow({ service }: Known): boolean {
    return service.name === OTHER_SERVICE && !this.#services.full;
  }

  #end(pid: number, now: number): void {
    const known = this.#known.get(pid);
    if (!known || known.endedAt !== undefined) return;
    known.endedAt = now;
    known.service.pids.delete(pid);
    known.service.activeAt = now;
  }

  /** The pid is somebody else now. */
  #forget(pid: number): void {
    const known = this.#known.get(pid);
    if (!known) return;
    this.#known.delete(pid);
    known.service.pids.delete(pid);
    if (known.since !== undefined) this.#tables.deleteService(pid);
  }
}

function isSameService({ service: a }: Identity, before: Identity | undefined): boolean {
  const b = before?.service;
  return a.name === b?.name && a.namespace === b.namespace;
}

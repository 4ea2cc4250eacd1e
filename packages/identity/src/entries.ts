import type { ExecEvent } from './events.ts';
import type { Identity } from './identity.ts';
import type { Environment } from './process/environ.ts';

/** One program in the life of a pid. */
export interface Entry {
  pid: number;
  startTime?: number;
  /** From when it was this program; undefined when it was there before us. */
  since?: number;
  /** Until when, once that is over. */
  until?: number;
  event?: ExecEvent;
  /** What its exec told of its environment: a program that writes a title may write over what /proc has of it. */
  told?: Environment;
  /** The process that it was forked from, while it has not been looked at. */
  parent?: number;
  identity?: Identity;
  checked: number;
  /** It was looked at when it had hardly begun: its runtime may not have been mapped. */
  early: boolean;
}

/** Which of the programs that a pid has been: by start time (ticks) and by a time of the clock; the newest unless said. */
export interface At {
  readonly startTime?: number;
  readonly time?: number;
}

export interface EntriesOptions {
  /** Entries kept; the least recently used pid's oldest goes first. */
  readonly capacity: number;
  /** How long one that is over is kept, milliseconds. */
  readonly graceMs: number;
  /** Milliseconds, never going back. */
  readonly clock: () => number;
}

const MOST_PER_PID = 8;
const SWEEP_MS = 1_000;

/** A bounded memory of what pids have been: a few programs each, those that are over for a while. */
export class Entries {
  readonly #o: EntriesOptions;
  /** By pid, oldest first; the map itself in the order of use. */
  readonly #byPid = new Map<number, Entry[]>();
  #size = 0;
  #evicted = 0;
  #swept = Number.NEGATIVE_INFINITY;

  constructor(options: EntriesOptions) {
    this.#o = options;
  }

  /** How many there are, how many of them are over, how many were pushed out by the cap. */
  get stats(): { size: number; ended: number; evicted: number } {
    let ended = 0;
    for (const list of this.#byPid.values()) for (const e of list) if (e.until !== undefined) ended++;
    return { size: this.#size, ended, evicted: this.#evicted };
  }

  /** What a pid has been, oldest first; it has been used now. */
  use(pid: number): readonly Entry[] {
    const list = this.#byPid.get(pid);
    if (list === undefined) return [];
    this.#byPid.delete(pid);
    this.#byPid.set(pid, list);
    this.#expire(pid, list, this.#o.clock());
    return list;
  }

  /** What a pid is, or was last. */
  last(pid: number): Entry | undefined {
    return this.#byPid.get(pid)?.at(-1);
  }

  /** All that are not over. */
  *running(): Generator<Entry> {
    for (const list of this.#byPid.values()) {
      const last = list.at(-1);
      if (last !== undefined && last.until === undefined) yield last;
    }
  }

  /** Whatever the pid was is over. `startTime`: of its process, where that was not known. */
  end(pid: number, time: number, startTime?: number): void {
    for (const e of this.#byPid.get(pid) ?? []) {
      e.until ??= time;
      if (startTime !== undefined) e.startTime ??= startTime;
    }
  }

  add(entry: Entry): void {
    const { capacity } = this.#o;
    const list = this.#byPid.get(entry.pid) ?? [];
    this.#byPid.delete(entry.pid);
    this.#byPid.set(entry.pid, list);
    list.push(entry);
    this.#size++;
    if (list.length > MOST_PER_PID) {
      list.shift();
      this.#size--;
    }
    if (this.#size > capacity) this.#sweep();
    while (this.#size > capacity) this.#evict();
  }

  /** Before anything living goes, what has been dead for too long does; looked through at most once a second. */
  #sweep(): void {
    const now = this.#o.clock();
    if (now - this.#swept < SWEEP_MS) return;
    this.#swept = now;
    for (const [pid, list] of this.#byPid) this.#expire(pid, list, now);
  }

  #evict(): void {
    const [pid, list] = this.#byPid.entries().next().value!;
    list.shift();
    this.#size--;
    this.#evicted++;
    if (list.length === 0) this.#byPid.delete(pid);
  }

  #expire(pid: number, list: Entry[], now: number): void {
    const before = list.length;
    for (let i = list.length - 1; i >= 0; i--) {
      const { until } = list[i]!;
      if (until !== undefined && now - until > this.#o.graceMs) list.splice(i, 1);
    }
    this.#size -= before - list.length;
    if (list.length === 0) this.#byPid.delete(pid);
  }
}

/** The newest program of this process that had begun by then; the oldest known when all began later. */
export function entryAt(list: readonly Entry[], at: At): Entry | undefined {
  const { time } = at;
  const own = list.filter((e) => !other(e.startTime, at.startTime));
  if (time === undefined) return own.at(-1);
  return own.findLast((e) => e.since === undefined || e.since <= time) ?? own[0];
}

/** Known, and different. */
export function other(a: number | undefined, b: number | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

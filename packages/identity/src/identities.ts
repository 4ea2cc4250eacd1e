import { basename } from 'node:path';
import { CgroupIds } from './cgroup/ids.ts';
import { Containers } from './container/resolve.ts';
import { ElfCache } from './elf/cache.ts';
import { IdentityError } from './errors.ts';
import { Host } from './host/host.ts';
import { listPids } from './host/pids.ts';
import { type Identity, identify, type Sources } from './identity.ts';
import { type Process, readExe, readProcess, readStartTime } from './process/read.ts';

export interface IdentitiesOptions {
  /** Whose processes. Default: this machine's. */
  host?: Host;
  /** Identities kept, ended ones included; the least recently used goes first. Default: 10,000 */
  capacity?: number;
  /** How long an ended process, or what it was before an exec, is still known, in ms. Default: 60,000 */
  graceMs?: number;
  /** After how long a known process is compared with /proc again, in ms. Default: 5,000 */
  recheckMs?: number;
  /** The clock of all times given here, in ms, never going back. Default: performance.now */
  clock?: () => number;
}

/** A process has become another program. Whatever the kernel did not tell may be left out. */
export interface ExecEvent {
  pid: number;
  /** Ticks since boot; {@link ticksOfNanoseconds} makes them of the kernel's `start_boottime`. */
  startTime?: number;
  ppid?: number;
  comm?: string;
  /** The program's path. */
  exe?: string;
  argv?: readonly string[];
  uid?: number;
  /** As bpf_get_current_cgroup_id gives it. */
  cgroupId?: bigint;
  /** When, by the clock of the options. Default: now */
  time?: number;
}

export interface ExitEvent {
  pid: number;
  startTime?: number;
  time?: number;
}

/** A process has made another, which is the same program until it execs. */
export interface ForkEvent {
  pid: number;
  startTime?: number;
  ppid: number;
  time?: number;
}

/** One program in the life of a pid. */
interface Entry {
  pid: number;
  startTime?: number;
  /** From when it was this program; undefined when it was there before us. */
  since?: number;
  /** Until when, once that is over. */
  until?: number;
  event?: ExecEvent;
  /** The process that it was forked from, while it has not been looked at. */
  parent?: number;
  identity?: Identity;
  checked: number;
  /** It was looked at when it had hardly begun: its runtime may not have been mapped. */
  early: boolean;
}

const MOST_PER_PID = 8;
const NEGATIVE_MS = 1_000;
const MOST_NEGATIVE = 4_096;
const SWEEP_MS = 1_000;
/** A runtime is mapped, and a title written, within this time. */
const SETTLED_MS = 2_000;

/**
 * Who is who on a machine: a bounded memory of processes, by pid and start time. Feed it with exec, fork and exit from the
 * kernel and it misses no short-lived process; without events it looks into /proc when it is asked. Everything is read
 * synchronously, in small pieces (about 0.2 ms for a process that is new).
 *
 * @example
 * const identities = new Identities();
 * await identities.scan();
 * identities.get(1)?.service.name; // 'systemd'
 */
export class Identities {
  readonly #sources: Sources;
  readonly #ids: CgroupIds;
  readonly #capacity: number;
  readonly #graceMs: number;
  readonly #recheckMs: number;
  readonly #clock: () => number;
  /** By pid, oldest first; the map itself in the order of use. */
  readonly #entries = new Map<number, Entry[]>();
  readonly #absent = new Map<number, number>();
  #size = 0;
  #generation = 0;
  #evicted = 0;
  #swept = Number.NEGATIVE_INFINITY;

  /** @throws IdentityError SKEP_IDENTITY_OPTION */
  constructor(options: IdentitiesOptions = {}) {
    const host = options.host ?? new Host();
    this.#sources = { host, elves: new ElfCache(), containers: new Containers(host) };
    this.#ids = new CgroupIds(host);
    this.#capacity = positive('capacity', options.capacity ?? 10_000);
    this.#graceMs = positive('graceMs', options.graceMs ?? 60_000);
    this.#recheckMs = positive('recheckMs', options.recheckMs ?? 5_000);
    this.#clock = options.clock ?? (() => performance.now());
  }

  get host(): Host {
    return this.#sources.host;
  }

  /** How many identities are kept, how many of them have ended, how many were pushed out by the cap. */
  get stats(): { size: number; ended: number; evicted: number } {
    let ended = 0;
    for (const list of this.#entries.values()) for (const e of list) if (e.until !== undefined) ended++;
    return { size: this.#size, ended, evicted: this.#evicted };
  }

  /**
   * Lists /proc once and looks at every process that is not known yet; gives way to the event loop every few
   * milliseconds. @returns how many processes there are
   * @throws IdentityError SKEP_PROC_UNAVAILABLE
   */
  async scan(): Promise<number> {
    let count = 0;
    let started = performance.now();
    for (const pid of listPids(this.#sources.host)) {
      if (this.get(pid) !== undefined) count++;
      if (performance.now() - started > 5) {
        await new Promise((resolve) => setImmediate(resolve));
        started = performance.now();
      }
    }
    return count;
  }

  /**
   * Who this process is. A pid alone means the one that has it now, or had it last within the grace time.
   *
   * @param at.startTime ticks; the process with this pid that began then, or none
   * @param at.time what it was at this time, if it has become another program since
   */
  get(pid: number, at: { startTime?: number; time?: number } = {}): Identity | undefined {
    const now = this.#clock();
    const list = this.#entries.get(pid);
    if (list !== undefined) {
      this.#entries.delete(pid);
      this.#entries.set(pid, list);
      this.#expire(pid, list, now);
    }
    const entry = list === undefined ? undefined : entryAt(list, at);
    if (entry === undefined) {
      const last = list?.at(-1);
      const alive = last?.until === undefined ? last?.startTime : undefined;
      // Another start time was asked for than the living process has: only if that has been replaced there is news.
      if (alive !== undefined && readStartTime(this.#sources.host, pid) === alive) return undefined;
      return this.#look(pid, at, now);
    }
    if (entry.until !== undefined) return this.#filled(entry, now);
    const due = now - entry.checked > (entry.early ? SETTLED_MS : this.#recheckMs);
    if (entry.identity === undefined || !due) return this.#filled(entry, now);
    return this.#recheck(entry, at, now);
  }

  /** All that are known and have not ended. */
  *running(): Generator<Identity> {
    for (const list of this.#entries.values()) {
      const last = list.at(-1);
      if (last?.until === undefined && last?.identity !== undefined) yield last.identity;
    }
  }

  /** A process has become another program: from now on it is somebody else. */
  exec(event: ExecEvent): void {
    const time = event.time ?? this.#clock();
    this.#absent.delete(event.pid);
    this.#end(event.pid, time, event.startTime);
    this.#add({ pid: event.pid, startTime: event.startTime, since: time, event, checked: 0, early: true });
  }

  /** A process has been made. It is looked at when it is asked for; should it have ended by then, it is as its parent. */
  fork(event: ForkEvent): void {
    const time = event.time ?? this.#clock();
    this.#absent.delete(event.pid);
    this.#end(event.pid, time);
    const { pid, startTime, ppid } = event;
    this.#add({ pid, startTime, since: time, parent: ppid, checked: 0, early: true });
  }

  /** A process has ended. It stays known for the grace time, for what arrives late. */
  exit(event: ExitEvent): void {
    const list = this.#entries.get(event.pid);
    const last = list?.at(-1);
    // An exit that arrives after the pid was given anew is about the earlier one, which is closed already.
    if (last === undefined || (event.startTime !== undefined && other(last.startTime, event.startTime)))
      return;
    this.#end(event.pid, event.time ?? this.#clock());
  }

  #end(pid: number, time: number, startTime?: number): void {
    for (const e of this.#entries.get(pid) ?? []) {
      if (e.until === undefined) e.until = time;
      if (startTime !== undefined && e.startTime === undefined) e.startTime = startTime;
    }
  }

  #add(entry: Entry): void {
    const list = this.#entries.get(entry.pid) ?? [];
    this.#entries.delete(entry.pid);
    this.#entries.set(entry.pid, list);
    list.push(entry);
    this.#size++;
    if (list.length > MOST_PER_PID) {
      list.shift();
      this.#size--;
    }
    if (this.#size > this.#capacity) this.#sweep();
    while (this.#size > this.#capacity) this.#evict();
  }

  /** Before anything living goes, what has been dead for too long does; looked through at most once a second. */
  #sweep(): void {
    const now = this.#clock();
    if (now - this.#swept < SWEEP_MS) return;
    this.#swept = now;
    for (const [pid, list] of this.#entries) this.#expire(pid, list, now);
  }

  #evict(): void {
    const [pid, list] = this.#entries.entries().next().value!;
    list.shift();
    this.#size--;
    this.#evicted++;
    if (list.length === 0) this.#entries.delete(pid);
  }

  #expire(pid: number, list: Entry[], now: number): void {
    const before = list.length;
    for (let i = list.length - 1; i >= 0; i--) {
      const { until } = list[i]!;
      if (until !== undefined && now - until > this.#graceMs) list.splice(i, 1);
    }
    this.#size -= before - list.length;
    if (list.length === 0) this.#entries.delete(pid);
  }

  /** Nothing is known of it: ask /proc, and remember for a moment when there is nothing either. */
  #look(pid: number, at: { startTime?: number; time?: number }, now: number): Identity | undefined {
    const absentSince = this.#absent.get(pid);
    if (absentSince !== undefined && now - absentSince < NEGATIVE_MS) return undefined;
    const process = readProcess(this.#sources.host, pid);
    if (process === undefined) {
      this.#absent.delete(pid);
      this.#absent.set(pid, now);
      if (this.#absent.size > MOST_NEGATIVE) this.#absent.delete(this.#absent.keys().next().value!);
      return undefined;
    }
    const entry: Entry = { pid, startTime: process.startTime, checked: now, early: true };
    this.#fill(entry, process, now);
    this.#end(pid, now);
    this.#add(entry);
    return at.startTime === undefined || at.startTime === process.startTime ? entry.identity : undefined;
  }

  #filled(entry: Entry, now: number): Identity | undefined {
    if (entry.identity !== undefined) return entry.identity;
    const { host } = this.#sources;
    const process = entry.until === undefined ? readProcess(host, entry.pid) : undefined;
    const same = process !== undefined && !isEnding(process) && !other(process.startTime, entry.startTime);
    if (same) this.#fill(entry, process, now);
    else if (entry.event !== undefined) this.#fillFromEvent(entry, entry.event);
    else if (entry.parent !== undefined) entry.identity = this.#asParent(entry);
    return entry.identity;
  }

  #fill(entry: Entry, process: Process, now: number): void {
    entry.startTime = process.startTime;
    entry.identity = identify(this.#sources, process, this.#generation++);
    entry.checked = now;
    entry.early = entry.since !== undefined && now - entry.since < SETTLED_MS;
    if (process.cgroupId !== undefined && process.cgroups.v2 !== undefined) {
      this.#ids.learn(process.cgroupId, process.cgroups.v2);
    }
  }

  #fillFromEvent(entry: Entry, event: ExecEvent): void {
    const path = event.cgroupId === undefined ? undefined : this.#ids.pathOf(event.cgroupId);
    const exe = event.exe ?? event.argv?.[0];
    const process: Process = {
      pid: entry.pid,
      startTime: entry.startTime ?? 0,
      ppid: event.ppid ?? 0,
      comm: event.comm ?? basename(exe ?? '').slice(0, 15),
      exe,
      exeDeleted: false,
      argv: event.argv ?? (exe === undefined ? [] : [exe]),
      uid: event.uid ?? 0,
      threads: 0,
      kernelThread: false,
      zombie: false,
      innerPid: entry.pid,
      cgroups: { v2: path, v1: {} },
      cgroupId: event.cgroupId,
      namespaces: {},
    };
    entry.identity = identify(this.#sources, process, this.#generation++, true);
  }

  #asParent(entry: Entry): Identity | undefined {
    const parent = this.get(entry.parent!);
    if (parent === undefined) return undefined;
    const process = {
      ...parent.process,
      pid: entry.pid,
      ppid: entry.parent!,
      startTime: entry.startTime ?? 0,
    };
    const key = `${entry.pid}-${process.startTime}-${this.#generation++}`;
    return { ...parent, key, process, fromEvent: true };
  }

  /** Is it still the same process and program? Cheap, and only now and then. */
  #recheck(entry: Entry, at: { startTime?: number; time?: number }, now: number): Identity | undefined {
    const { host } = this.#sources;
    const { pid, identity } = entry;
    entry.checked = now;
    const startTime = readStartTime(host, pid);
    if (startTime === undefined) {
      entry.until = now;
      return identity;
    }
    if (startTime !== entry.startTime) {
      entry.until = now;
      return this.#look(pid, at, now);
    }
    const exe = readExe(host, pid);
    const became = exe.exe !== identity!.process.exe && exe.exe !== undefined;
    if (became) {
      entry.until = now;
      return this.#look(pid, at, now);
    }
    if (entry.early) {
      entry.early = false;
      const process = readProcess(host, pid);
      if (process?.startTime === startTime) this.#fill(entry, process, now);
      entry.early = false;
    }
    return entry.identity;
  }
}

/** The newest program of this process that had begun by then; the oldest known when all began later. */
function entryAt(list: readonly Entry[], at: { startTime?: number; time?: number }): Entry | undefined {
  const { time } = at;
  const own = list.filter((e) => !other(e.startTime, at.startTime));
  if (time === undefined) return own.at(-1);
  return own.findLast((e) => e.since === undefined || e.since <= time) ?? own[0];
}

/** Its memory is gone, and with it what it was: on its way to its end, or a zombie. */
function isEnding(process: Process): boolean {
  return process.zombie || (process.exe === undefined && process.argv.length === 0 && !process.kernelThread);
}

/** Known, and different. */
function other(a: number | undefined, b: number | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

function positive(name: string, value: number): number {
  if (value > 0) return value;
  throw new IdentityError('SKEP_IDENTITY_OPTION', `${name} is ${value}.`, 'Give a number above zero.');
}

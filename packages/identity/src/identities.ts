import { basename } from 'node:path';
import { NO_V1 } from './cgroup/file.ts';
import { CgroupIds } from './cgroup/ids.ts';
import { Containers } from './container/resolve.ts';
import { ElfCache } from './elf/cache.ts';
import { type At, Entries, type Entry, entryAt, other } from './entries.ts';
import { IdentityError } from './errors.ts';
import type { ExecEvent, ExitEvent, ForkEvent } from './events.ts';
import { Host } from './host/host.ts';
import { listPids } from './host/pids.ts';
import { type Identity, identify, keyOf, type Sources, type Told, unidentified } from './identity.ts';
import { NO_NAMESPACES, type Process, readExe, readProcess, readStartTime } from './process/read.ts';

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
  /** Told of a process that could not be made out, for a fault of ours: it goes by its kernel's name. */
  onFault?: (pid: number, error: unknown) => void;
}

const NEGATIVE_MS = 1_000;
const MOST_NEGATIVE = 4_096;
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
  readonly #recheckMs: number;
  readonly #clock: () => number;
  readonly #onFault: (pid: number, error: unknown) => void;
  readonly #entries: Entries;
  readonly #absent = new Map<number, number>();
  #generation = 0;

  /** @throws IdentityError SKEP_IDENTITY_OPTION */
  constructor(options: IdentitiesOptions = {}) {
    const host = options.host ?? new Host();
    this.#sources = { host, elves: new ElfCache(), containers: new Containers(host) };
    this.#ids = new CgroupIds(host);
    const capacity = positive('capacity', options.capacity ?? 10_000);
    const graceMs = positive('graceMs', options.graceMs ?? 60_000);
    this.#recheckMs = positive('recheckMs', options.recheckMs ?? 5_000);
    this.#clock = options.clock ?? (() => performance.now());
    this.#onFault = options.onFault ?? (() => undefined);
    this.#entries = new Entries({ capacity, graceMs, clock: this.#clock });
  }

  get host(): Host {
    return this.#sources.host;
  }

  /** How many identities are kept, how many of them have ended, how many were pushed out by the cap. */
  get stats(): { size: number; ended: number; evicted: number } {
    return this.#entries.stats;
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
  get(pid: number, at: At = {}): Identity | undefined {
    const now = this.#clock();
    const list = this.#entries.use(pid);
    const entry = entryAt(list, at);
    if (entry === undefined) {
      const last = list.at(-1);
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
    for (const { identity } of this.#entries.running()) if (identity !== undefined) yield identity;
  }

  /** A process has become another program: from now on it is somebody else. */
  exec(event: ExecEvent): void {
    const time = event.time ?? this.#clock();
    this.#absent.delete(event.pid);
    this.#entries.end(event.pid, time, event.startTime);
    this.#entries.add({
      pid: event.pid,
      startTime: event.startTime,
      since: time,
      event,
      told: event.environment,
      checked: 0,
      early: true,
    });
  }

  /** A process has been made. It is looked at when it is asked for; should it have ended by then, it is as its parent. */
  fork(event: ForkEvent): void {
    const time = event.time ?? this.#clock();
    this.#absent.delete(event.pid);
    this.#entries.end(event.pid, time);
    const { pid, startTime, ppid } = event;
    const { told } = this.#entries.last(ppid) ?? {};
    this.#entries.add({ pid, startTime, since: time, parent: ppid, told, checked: 0, early: true });
  }

  /** A process has ended. It stays known for the grace time, for what arrives late. */
  exit(event: ExitEvent): void {
    const last = this.#entries.last(event.pid);
    // An exit that arrives after the pid was given anew is about the earlier one, which is closed already.
    if (last === undefined || (event.startTime !== undefined && other(last.startTime, event.startTime)))
      return;
    this.#entries.end(event.pid, event.time ?? this.#clock());
  }

  /** Nothing is known of it: ask /proc, and remember for a moment when there is nothing either. */
  #look(pid: number, at: At, now: number): Identity | undefined {
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
    this.#entries.end(pid, now);
    this.#entries.add(entry);
    return at.startTime === undefined || at.startTime === process.startTime ? entry.identity : undefined;
  }

  #filled(entry: Entry, now: number): Identity | undefined {
    if (entry.identity !== undefined) return entry.identity;
    const { host } = this.#sources;
    const process = entry.until === undefined ? readProcess(host, entry.pid) : undefined;
    const same = process !== undefined && !isEnding(process) && !other(process.startTime, entry.startTime);
    if (same && this.#fill(entry, process, now)) return entry.identity;
    if (entry.event !== undefined) this.#fillFromEvent(entry, entry.event);
    else if (entry.parent !== undefined) entry.identity = this.#asParent(entry);
    return entry.identity;
  }

  /** False when it ended while it was looked at: what was read then is not the whole of it, and what is known is better. */
  #fill(entry: Entry, process: Process, now: number): boolean {
    const { host } = this.#sources;
    entry.startTime = process.startTime;
    entry.checked = now;
    entry.early = entry.since !== undefined && now - entry.since < SETTLED_MS;
    const identity = this.#identify(process, { environment: entry.told });
    const whole = process.kernelThread || hasMemory(host, process.pid);
    if (!whole && (entry.identity ?? entry.event ?? entry.parent) !== undefined) return false;
    entry.identity = identity;
    entry.event = undefined;
    if (process.cgroupId !== undefined && process.cgroups.v2 !== undefined) {
      this.#ids.learn(process.cgroupId, process.cgroups.v2);
    }
    return true;
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
      cgroups: { v2: path, v1: NO_V1 },
      cgroupId: event.cgroupId,
      namespaces: NO_NAMESPACES,
    };
    entry.identity = this.#identify(process, { environment: event.environment, ended: true });
    entry.event = undefined;
  }

  /** Files of anybody's making are read for it: a fault over one of them is that process's, and nobody else's. */
  #identify(process: Process, told: Told): Identity {
    const generation = this.#generation++;
    try {
      return identify(this.#sources, process, generation, told);
    } catch (error) {
      this.#onFault(process.pid, error);
      return unidentified(process, generation, told);
    }
  }

  #asParent(entry: Entry): Identity | undefined {
    const parent = this.get(entry.parent!, { time: entry.since });
    if (parent === undefined) return undefined;
    const process = {
      ...parent.process,
      pid: entry.pid,
      ppid: entry.parent!,
      startTime: entry.startTime ?? 0,
    };
    const key = keyOf(entry.pid, process.startTime, this.#generation++);
    return { ...parent, key, process, fromEvent: true };
  }

  /** Is it still the same process and program? Cheap, and only now and then. */
  #recheck(entry: Entry, at: At, now: number): Identity | undefined {
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

/** Its memory is gone, and with it what it was: on its way to its end, or a zombie. */
function isEnding(process: Process): boolean {
  return process.zombie || (process.exe === undefined && process.argv.length === 0 && !process.kernelThread);
}

/** Program and command line go with a process's memory. Of other people's processes the first may not be looked at. */
function hasMemory(host: Host, pid: number): boolean {
  return readExe(host, pid).exe !== undefined || (host.procBytes(pid, 'cmdline', 16)?.length ?? 0) > 0;
}

function positive(name: string, value: number): number {
  if (value > 0) return value;
  throw new IdentityError('SKEP_IDENTITY_OPTION', `${name} is ${value}.`, 'Give a number above zero.');
}

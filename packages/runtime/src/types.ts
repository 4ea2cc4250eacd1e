import type { BpfMap, Column, Decoder, RecordView, Value } from '@skep/bpf';
import type { Frame } from '@skep/bpf/symbols';
import type { ParamSetting } from '@skep/probe';

/** A stack of return addresses, named when it is first looked at. */
export interface Stack {
  readonly side: 'kernel' | 'user';
  /** Innermost first. */
  readonly frames: readonly Frame[];
  /** Functions without offsets, innermost first; `[unknown]`, `[libfoo.so]` where nobody knows them. */
  readonly names: readonly string[];
  /** `none`: there was no such stack (a kernel thread has none of a user). `lost`: the probe's map had no room for it. */
  readonly missing?: 'none' | 'lost';
}

/** What a map's name prefix makes of it: `print_`, `counter_`, `gauge_`, `hist_`. */
export type StreamKind = 'print' | 'counter' | 'gauge' | 'hist';

/** Where a stream's data comes from: a ring buffer, a perf buffer, a hash or array that is polled, an iterator that is read. */
export type StreamSource = 'ring' | 'perf' | 'map' | 'iter';

/** A number as the kernel has it: a bigint only when it does not fit a double exactly. */
export type Num = number | bigint;

/**
 * One column of a stream, in the order to show it: for records the members of the event, for series first the
 * labels, then the values. Members tagged `skep:private` are left out.
 */
export interface Field {
  /** Flattened path, `addr.port`; a map's scalar key is `key`, a lone value is `value`. Unique in its stream. */
  readonly name: string;
  /** `label`: identifies a series. `value`: the number of a series. `field`: a member of a record. */
  readonly role: 'field' | 'label' | 'value';
  /** Sorts as a number. */
  readonly numeric: boolean;
  /** From `skep:unit=`, or from the typedef (`duration_ns` → `ns`, `bytes_t` → `bytes`). */
  readonly unit?: string;
  /** From `skep:help=`. */
  readonly help?: string;
  /** Index into the decoder's `columns`; absent for a number the runtime makes (an event count, a histogram). */
  readonly column?: number;
  /** The decoder's own column. Absent as `column` is. */
  readonly source?: Column;
}

/**
 * What one prefixed map yields.
 *
 * `yields: 'records'` (print_ on a ring or perf buffer, an iterator that writes): each event goes to `Sink.record` once.
 * `yields: 'series'` (everything else): rows live in `run.series`, updated in place.
 */
export interface Stream {
  /** Position in `run.streams`. */
  readonly id: number;
  /**
   * The map's name, prefix included (an iterator's: the program's). Where two objects have a map of that name it is
   * `map@object`, where two probes have one `map@probe`: no two streams of a run are called the same.
   */
  readonly map: string;
  /** The map's name without its prefix. */
  readonly name: string;
  /** The object the map is from. */
  readonly object: string;
  /** The probe the object is of; see {@link RunUnit.probe}. */
  readonly probe: string;
  /** `ringbuf`, `hash`, `percpu_array`, … */
  readonly mapType: string;
  readonly kind: StreamKind;
  readonly source: StreamSource;
  readonly yields: 'records' | 'series';
  readonly fields: readonly Field[];
  /** All columns of the record, or of the map's key; `Field.column` points into it for records and labels. */
  readonly columns: readonly Column[];
  /** Decodes a record (ring, perf) or a key (map). Absent for a map without type information. */
  readonly decoder?: Decoder;
  readonly help?: string;
  readonly unit?: string;
  /**
   * Whether events that found no room in the buffer are counted: always for perf buffers, for ring buffers only
   * where the probe counts (`<map>_lost`), and true for maps, which lose nothing of what is in them.
   */
  readonly lossKnown: boolean;
  /** Which columns are stacks; `stacks()` and {@link Series.stacks} are in their order. Empty for most streams. */
  readonly stackColumns: readonly { readonly column: number; readonly side: 'kernel' | 'user' }[];
  /**
   * What the record's first `cgroup_id_t` member belongs to; there only for records that have one, where
   * {@link RunRequest.places} was given.
   */
  place?(view: RecordView, offset: number): Readonly<Record<string, string>> | undefined;
  /** The stacks of the record at `offset`. Only for `yields: 'records'`. */
  stacks(view: RecordView, offset: number): readonly Stack[];
  /** Equal for records of equal stacks, without a look at these. Only for `yields: 'records'`. */
  stackIdentity(view: RecordView, offset: number): string;
  /** Text of `fields[i]` of the record at `offset`, as a person reads it. Only for `yields: 'records'`. */
  text(i: number, view: RecordView, offset: number): string;
  /** Value of `fields[i]` of the record at `offset`. Only for `yields: 'records'`. */
  read(i: number, view: RecordView, offset: number): Value;
  /**
   * The same written as UTF-8 into `out` from `position`; returns the position after it, or -1 when there may not
   * be room enough. Only for `yields: 'records'`.
   */
  jsonInto(out: RecordView, position: number, view: RecordView, offset: number, length: number): number;
  /** The record at `offset` as JSON text, private members left out. Only for `yields: 'records'`. */
  json(view: RecordView, offset: number, length: number): string;
}

/**
 * Takes what a run yields. All methods but `name` are optional and called on the event loop's thread; a sink that
 * is slow must queue, say how much more it can take (`room`) and, when its queue is full, drop and count
 * (see {@link Run.countLost}).
 *
 * Order: `prepare` (while the objects load), `start` (loaded, nothing attached), `attached`, then `record`, `drained`,
 * `tick`, then `stop`, once, also when the start failed after `prepare`.
 */
export interface Sink {
  readonly name: string;
  /** Take what may be refused (a port, a file). Throwing here ends the run before anything is attached. */
  prepare?(): void | Promise<void>;
  /** Everything is loaded, nothing attached. Throwing here ends the run with nothing attached. */
  start?(run: Run): void | Promise<void>;
  /** Everything is attached: what happens from now on is seen. */
  attached?(): void;
  /**
   * One record of a stream with `yields: 'records'`, after filters. The bytes at `offset` are only there during
   * the call: copy what is kept. `timeMs`: milliseconds since 1970 with a fraction; the record's first
   * `timestamp_ns` member where it has one, else when it was drained.
   */
  record?(stream: Stream, view: RecordView, offset: number, length: number, timeMs: number): void;
  /**
   * How many records it can take now without dropping any, asked before each batch. What is more waits in the
   * kernel's buffer as long as that has room. Any number unless said.
   */
  room?(): number;
  /** After every batch of records: the moment to write out. */
  drained?(): void;
  /** Each interval, with `run.series` up to date. Series with `changedAt === run.series.tick` changed since the last. */
  tick?(run: Run): void;
  /** Everything is detached and drained, `run.series` is final. */
  stop?(summary: RunSummary): void | Promise<void>;
  /** What became of what it sent elsewhere, for {@link RunStats.exports}. */
  exports?(): readonly ExportStats[];
}

/** A histogram's state. Not cumulative: `counts[i]` values were ≤ `bounds[i]` and above the bound before. */
export interface HistogramState {
  /** Upper bounds, inclusive, ascending. */
  readonly bounds: readonly number[];
  /** One more than `bounds`: the last counts what lies above them all. */
  readonly counts: ArrayLike<number>;
  /** All observations. */
  readonly count: number;
  /** Sum of the observed values; undefined where the kernel side keeps only slots. */
  readonly sum: number | undefined;
}

/** One row of a stream with `yields: 'series'`. Updated in place; `id` is never used again in a run. */
export interface Series {
  readonly id: number;
  readonly stream: Stream;
  /** Label names and texts, in the order of the stream's label fields. Empty for the overflow series. */
  readonly labels: readonly (readonly [name: string, text: string])[];
  /** The labels as JSON has them (numbers as numbers, nested structs nested). */
  readonly data: Record<string, Value>;
  /** The labels that are stacks, in the order of the stream's `stackColumns`. */
  readonly stacks: readonly Stack[];
  /** One for each value field of the stream. Always {@link Num} unless `stream.kind` is `print`. */
  readonly values: readonly Value[];
  /** The first numeric value: the count of a counter or histogram. 0 if there is none. */
  readonly value: Num;
  readonly histogram?: HistogramState;
  /** The tick (see {@link SeriesRegistry.tick}) in which a value last changed, or the series appeared. */
  readonly changedAt: number;
  /** Collects what came after `maxSeries` were taken. */
  readonly overflow: boolean;
  /** Passes the run's filters. Sinks for people (view, JSON) leave out the others; metrics have them all. */
  readonly shown: boolean;
  /** Text of `stream.fields[i]`, as a person reads it. */
  text(i: number): string;
}

/** All series of a run. Iteration is by stream, then by age. */
export interface SeriesRegistry extends Iterable<Series> {
  readonly size: number;
  /** Number of the current interval; grows after the sinks' `tick`. */
  readonly tick: number;
  of(stream: Stream): Iterable<Series>;
  count(stream: Stream): number;
  /**
   * Reads the kernel's maps and folds in what was counted; cheap when called again within 50 ms, and whoever asks
   * while a refresh is under way waits for that one. Large maps are read in slices, between which the event loop
   * goes on; until the promise resolves, rows may be partly of this refresh and partly of the last.
   */
  refresh(): Promise<void>;
}

/** What is known about events that did not arrive. `reason` is one of a closed set. */
export interface Lost {
  readonly map: string;
  /**
   * `ring_full`, `perf_full`: no room in the kernel's buffer. `map_full`: no room in a hash for a new key, as the probe
   * counted it (`<map>_lost`). `stack_lost`: a map of stacks had another stack in its place, counted likewise.
   * `short_record`, `decode`: could not be read.
   * `slow_output`: the sink's queue was full. `map_read`: a poll of a map failed.
   */
  readonly reason: LostReason;
  readonly count: number;
}
export type LostReason =
  | 'ring_full'
  | 'perf_full'
  | 'map_full'
  | 'stack_lost'
  | 'short_record'
  | 'decode'
  | 'slow_output'
  | 'map_read';

/** Runs of a program that did not happen, as the kernel counted them. What they would have seen is not in the output. */
export interface Missed {
  readonly program: string;
  readonly object: string;
  /**
   * `recursion`: it, or another program on that CPU, was running already. `hook`: its kprobe was hit while another was
   * handled, or its kretprobe had no room for a further call under way.
   */
  readonly reason: 'recursion' | 'hook';
  readonly count: number;
}

export interface ProgramStats {
  readonly name: string;
  readonly object: string;
  readonly section: string;
  readonly runs: bigint;
  readonly runTimeNs: bigint;
}

/** A group of alternative hooks, and what became of it. */
export interface HookChoice {
  readonly group: string;
  readonly object: string;
  /** The probe runs without it. */
  readonly optional: boolean;
  /** Found by the likeness of its programs, not by tags. */
  readonly twins: boolean;
  /** What is missing from the output without it, as the author says. */
  readonly without?: string;
  /** The rung that runs; undefined when the group was left out. */
  readonly taken?: string;
  /** Best first. */
  readonly rungs: readonly HookRung[];
}

/** One alternative: programs that are taken or refused together. */
export interface HookRung {
  readonly name: string;
  readonly programs: readonly string[];
  /**
   * `refused`: judged not to run here. `failed`: it was tried and did not load or attach. `not needed`: a better one was
   * taken. `not asked for`: another one was forced.
   */
  readonly state: 'taken' | 'refused' | 'failed' | 'not needed' | 'not asked for';
  /** Why refused or failed; a caveat where it runs. */
  readonly reason?: string;
  readonly hint?: string;
}

/** One of the probes of a run, and what of the run is its own. */
export interface RunProbe {
  readonly name: string;
  readonly objects: readonly string[];
  /** Names of its maps as {@link RunStats} has them, also of those that are not shown. */
  readonly maps: readonly string[];
}

export interface RunStats {
  /** The probes that run together, mostly one. */
  readonly probes: readonly RunProbe[];
  readonly startedAt: Date;
  /** Milliseconds since everything was attached. */
  readonly elapsedMs: number;
  /** Events read, by map, filtered ones too. Ring and perf buffers only. */
  readonly events: Readonly<Record<string, number>>;
  /** Events that a filter kept from the sinks, by map. */
  readonly filtered: Readonly<Record<string, number>>;
  readonly lost: readonly Lost[];
  /** Maps whose probe does not count what found no room, so that `lost` cannot name it. */
  readonly lossUnknown: readonly string[];
  /** Of those, how often buffer or hash was found full: the sign that something probably was lost. */
  readonly foundFull: Readonly<Record<string, number>>;
  /** LRU hashes that were so full that the kernel may have forgotten entries, of which it counts none. */
  readonly evictionsUnknown: readonly string[];
  readonly missed: readonly Missed[];
  /** Programs of which this kernel does not tell all the runs they missed, so that `missed` cannot name them. */
  readonly missesUnknown: readonly string[];
  readonly programs: readonly ProgramStats[];
  /** Whether the kernel counts runs and run times; if not, those of `programs` are zero and mean nothing. */
  readonly programStats: boolean;
  /** Each group of hooks that the probe offers a choice for, and which rung this kernel took. */
  readonly hooks: readonly HookChoice[];
  /** What sinks sent elsewhere, by signal; empty without such sinks. */
  readonly exports: readonly ExportStats[];
  readonly decodeErrors: number;
  readonly series: number;
  /** CPU of this process since the start, user and system, microseconds. */
  readonly ownCpuUs: number;
  /** What the user should be told once: an ignored map, a hook that was not taken. */
  readonly notes: readonly string[];
}

/**
 * What became of the items of one OTLP signal: spans, points of metrics, log records. Exactly, and at any moment:
 * `handedIn` = `delivered` + the sum of `lost` + `waiting`. An item whose answer was lost on the way may have arrived.
 */
export interface ExportStats {
  readonly signal: 'traces' | 'metrics' | 'logs';
  /** Without user, password and query. */
  readonly url: string;
  readonly handedIn: number;
  /** Taken by the receiver. */
  readonly delivered: number;
  readonly lost: {
    /** No room to wait. */
    readonly queue_full: number;
    /** The receiver would not have it: an answer that is no success and not worth a retry, or a partial success. */
    readonly rejected: number;
    /** Retried for as long as that is done, in vain. */
    readonly timeout: number;
    /** Not answered when the time for the end was over, or handed in after. */
    readonly shutdown: number;
    /** Not sent, because a receiver would refuse the whole request for it: an id that is none. */
    readonly invalid: number;
  };
  /** In the queue, or sent and not answered. */
  readonly waiting: number;
  readonly requests: number;
  /** Of those, which were not the first for their items. */
  readonly retries: number;
  /** The last attempt failed; `lastError` says how. */
  readonly failing: boolean;
  readonly lastError?: string;
}

export type StopReason =
  | 'read'
  | 'stopped'
  | 'timeout'
  | 'max-events'
  | 'output-closed'
  | 'quit'
  | 'signal'
  | 'error';

export interface RunSummary extends RunStats {
  readonly reason: StopReason;
  /** What went wrong, when `reason` is `error`. */
  readonly error?: unknown;
}

/** Where a member of a struct lies, bytes. */
export interface Member {
  readonly offset: number;
  readonly size: number;
}

/** A map of a run, for who reads or writes it without a stream in between. It is the run's: do not close it. */
export interface RawMap {
  readonly map: BpfMap;
  /** Members of the key's struct by name, from the object's BTF; empty where the key is a plain number. */
  readonly key: ReadonlyMap<string, Member>;
  /** The same of the value; for ring and perf buffers of the record. */
  readonly value: ReadonlyMap<string, Member>;
}

/**
 * Says what a cgroup (v2, by its id) belongs to, by OpenTelemetry's names: `k8s.pod.name`, `container.id`. Undefined for what
 * belongs to nothing, or is gone. The same object for the same answer.
 */
export type PlaceOf = (cgroup: bigint) => Readonly<Record<string, string>> | undefined;

/** A running probe, or several. */
export interface Run {
  readonly name: string;
  /** The names of its probes, in the order of {@link RunRequest.objects}. */
  readonly probes: readonly string[];
  readonly streams: readonly Stream[];
  readonly series: SeriesRegistry;
  readonly intervalMs: number;
  stats(): RunStats;
  /**
   * A map by its name, loaded and as raw bytes: for state that is shared with the programs (what {@link RunRequest.rawMaps}
   * names, and any without a prefix), and for global variables: `.bss`, `.data`. From the sinks' `start` until the run has closed.
   * @throws RuntimeError SKEP_NO_MAP
   */
  map(name: string): RawMap;
  /**
   * Hands over what a ring or perf buffer holds now, before its turn: for who finds in one ring what only another explains.
   * Nothing happens where no map of this name is read so. Not to be called by a record of the same ring.
   */
  readNow(map: string): void;
  /** A sink dropped `count` records of a map. */
  countLost(map: string, reason: LostReason, count: number): void;
  /** Resolves, never rejects, when all is detached, drained and the sinks have stopped. */
  readonly closed: Promise<RunSummary>;
  /** Detaches, drains what is there, stops the sinks. May be called more than once. */
  stop(reason?: StopReason, error?: unknown): Promise<RunSummary>;
}

/** One object of a run. An image that bundles several gives several units of one probe; a run may have several probes. */
export interface RunUnit {
  /** Unique in its probe. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The path of a BTF file that stands in for the kernel's types, until the run has ended. */
  readonly types?: string;
  /**
   * What it is of: an image's reference, a file's name. {@link RunRequest.name} unless said. Objects of one probe share
   * the maps that say so and count each other's losses; objects of different probes have nothing in common.
   */
  readonly probe?: string;
  /** Parameters of this probe alone; what {@link RunRequest.params} says counts for more. */
  readonly params?: Readonly<Record<string, ParamSetting>>;
  /** The same as {@link RunRequest.attachDefaults}, for this probe alone. */
  readonly attachDefaults?: readonly string[];
  /** The same as {@link RunRequest.hooks}, which counts for more. */
  readonly hooks?: Readonly<Record<string, string>>;
}

export interface RunRequest {
  /** Shown as the probe's name. */
  name: string;
  objects: readonly RunUnit[];
  /** Values for parameters, as text; lists also as one text a value. A name may be in several objects: all get it. */
  params?: Readonly<Record<string, ParamSetting>>;
  /** `PROG=TARGET`, as `skep run --attach`: where programs go whose sections do not say, or go elsewhere. */
  attach?: readonly string[];
  /** The same from the image: counts for programs of which `attach` says nothing. */
  attachDefaults?: readonly string[];
  /** Rungs to be taken, by group of hooks; `none` leaves an optional group out. The best that this kernel has unless said. */
  hooks?: Readonly<Record<string, string>>;
  /** Whether programs without tags that are twins (an fentry and a kprobe of one function) are alternatives. Default true. */
  twins?: boolean;
  /** Judge all rungs by everything known of the kernel: {@link RunStats.hooks} then says of each whether it would run. */
  explain?: boolean;
  /** Run programs that can change what they look at (drop packets, write to user memory, send signals). */
  allowModify?: boolean;
  /** `map,member,regex`; all of a map's filters must match. */
  filters?: readonly string[];
  /** `map,[1,2,3]`: upper bounds. */
  histBuckets?: readonly string[];
  /** `map,member`. */
  histValueKeys?: readonly string[];
  /**
   * Which buffers the streams that can have either use (skep.h's SKEP_EVENTS). Unless said, ring buffers where the
   * kernel has them (5.8), else perf buffers.
   */
  buffer?: 'ring' | 'perf';
  /** Prefixed maps that yield no stream, since somebody reads them by {@link Run.map}. */
  rawMaps?: readonly string[];
  /**
   * How long the records of a ring may wait before they are taken, milliseconds, by its map. Milliseconds to 20 unless said, by
   * the ring's size. Each look costs some 40 us, so that a ring with some records a second is better looked at some times a
   * second; only for one that does not fill meanwhile.
   */
  drainMs?: Readonly<Record<string, number>>;
  /** Directory on bpffs that gets every map but `.rodata`; made if absent. */
  pinMaps?: string;
  /** Directory on bpffs that gets every program by its function's name; made if absent. */
  pinProgs?: string;
  /** Between two polls of the maps and two ticks; 1000 unless said. */
  intervalMs?: number;
  /** Label sets a stream may have; 10,000 unless said. */
  maxSeries?: number;
  /**
   * When iterators that show rows are read: `once` (and the run ends by itself when it has nothing else to wait for),
   * `interval`: at each of its ends too, `hold`: once, and the run goes on. Iterators that fill maps are always read
   * before the maps are. Default `once`.
   */
  iterate?: 'once' | 'interval' | 'hold';
  /** Stop by itself after this time. */
  timeoutMs?: number;
  /** Stop when exactly this many records were handed out (or counted, when the probe prints none). */
  maxEvents?: number;
  /**
   * Give up all rights once everything is attached, for the whole process and for good: afterwards it can read, detach and
   * write out, and load or attach nothing more (`giveUpPrivileges` of @skep/bpf). `keep` names capabilities that stay beside
   * those that this run's reading needs. Not done unless said.
   */
  confine?: { readonly keep: readonly string[] };
  /**
   * Called once, and only when records name a cgroup: gives what says to which container and pod that belongs. The records'
   * {@link Stream.place} then tells.
   */
  places?: () => Promise<PlaceOf>;
  /** Keep run counts and times of the programs, which costs each run of a program two clock reads. Default true. */
  programStats?: boolean;
  sinks: readonly Sink[];
}

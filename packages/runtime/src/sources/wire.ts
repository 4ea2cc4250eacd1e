import {
  type BpfMap,
  openPerfBuffer,
  openRingBuffer,
  Poller,
  possibleCpus,
  type RecordReader,
  type RecordView,
} from '@skep/bpf';
import type { Stream } from '../contract/stream.ts';
import type { Ledger } from '../ledger.ts';
import { hasLossCounter, lossReader } from '../run/losses.ts';
import type { Opened } from '../run/open.ts';
import { blame, siblings } from '../run/probes.ts';
import type { Registry } from '../series/registry.ts';
import type { Row } from '../series/row.ts';
import { Rows } from '../series/rows.ts';
import type { StackNamer } from '../stacks/namer.ts';
import { StackReader } from '../stacks/reader.ts';
import type { PlannedMap } from '../streams/build.ts';
import type { FoldPlan, MapPlan, RecordPlan } from '../streams/plan.ts';
import type { StreamInfo } from '../streams/stream.ts';
import { readTags } from '../streams/tags.ts';
import { CutRecords } from './cut-records.ts';
import { Drain } from './drain.ts';
import { Fold } from './fold.ts';
import { Poll } from './poll.ts';
import { WallClock } from './wall-clock.ts';

/** What the sources of a run report to. */
export interface WireContext {
  registry: Registry;
  ledger: Ledger;
  maxSeries: number;
  opened: readonly Opened[];
  /** May this event still be handled? Counts it if so: the place of `maxEvents`. */
  take: (stream: Stream) => boolean;
  /** A record of a print_ stream that passed the filters. */
  onRecord: (stream: Stream, view: RecordView, offset: number, length: number, timeMs: number) => void;
  onDrained: () => void;
  /** How many records of print_ streams the sinks can take now. */
  room: () => number;
  onError: (error: unknown) => void;
  /** How long records of a ring may wait, by map: {@link RunRequest.drainMs}. */
  drainMs: Readonly<Record<string, number>>;
  /** Names stacks; there when some stream has any. */
  namer: StackNamer | undefined;
  rowFilter: (stream: Stream) => ((row: Row) => boolean) | undefined;
  recordFilter: (stream: Stream) => ((view: RecordView, offset: number) => boolean) | undefined;
}

/** A ring or perf buffer that is drained. */
export interface Ring {
  readonly stream: Stream;
  readonly drain: Drain;
  readonly events: number;
  readonly filtered: number;
  close(): void;
}

/** What a map was connected to. */
export interface Wired {
  /** Where it is a ring or perf buffer; other maps are polled by the registry. */
  readonly ring?: Ring;
  /** Where it is a hash or array. */
  readonly poll?: Poll;
  /** Brings the ledger up to date with what kernel and probe counted as lost. */
  account(): void;
}

/** Connects a loaded map with what is to be made of it. */
export function wire({ plan, opened, map }: PlannedMap, context: WireContext): Wired {
  // Only its own probe counts for it, and what goes wrong is that one's.
  const ctx = {
    ...context,
    opened: siblings(context.opened, opened),
    onError: (error: unknown) => context.onError(blame(error, opened)),
  };
  const bpfMap = opened.object.map(map);
  const { stream } = plan;
  const mapOf = (name: string) => opened.object.map(name);
  if (ctx.namer && stream.stackColumns.length > 0)
    stream.stackReader = new StackReader(stream.stackColumns, plan.decoder, mapOf, ctx.namer);
  if (ctx.namer && plan.mode === 'map' && stream.valueStacks.length > 0)
    stream.valueStackReader = new StackReader(stream.valueStacks, plan.valueDecoder, mapOf, ctx.namer);
  if (plan.mode === 'map') {
    const rows = rowsFor(plan, ctx);
    const poll = new Poll({
      plan,
      map: bpfMap,
      rows,
      cpus: possibleCpus(),
      clock: ctx.registry,
      onError: () => ctx.ledger.add(plan.stream.map, 'map_read', 1),
    });
    ctx.registry.add(rows, poll);
    return { poll, account: mapAccount(stream, map, poll, ctx) };
  }
  const reader = plan.stream.source === 'ring' ? openRingBuffer(bpfMap) : perfReader(opened, bpfMap);
  const ring = plan.mode === 'records' ? recordRing(plan, reader, ctx) : foldRing(plan, reader, ctx);
  return { ring, account: ringAccount(stream, reader, map, ctx) };
}

/** A stream of events that could have been a ring gets the memory that it was declared with, any other the usual. */
function perfReader({ buffers }: Opened, map: BpfMap): RecordReader {
  return openPerfBuffer(map, { bytes: buffers?.bytes.get(map.name) });
}

/** A hash whose probe does not count what it refuses, and that was found full, has probably refused something. */
function mapAccount(stream: StreamInfo, map: string, poll: Poll, ctx: WireContext): () => void {
  if (!hasLossCounter(ctx.opened, map))
    return () => {
      if (poll.foundFull > 0) stream.lossKnown = false;
    };
  const counted = lossReader(ctx.opened, map, possibleCpus());
  return () => ctx.ledger.set(stream.map, 'map_full', counted());
}

function ringAccount(stream: StreamInfo, reader: RecordReader, map: string, ctx: WireContext): () => void {
  const counted = lossReader(ctx.opened, map, possibleCpus());
  // What a perf buffer refuses both count, and the program also what did not come as far as the buffer.
  if (stream.source === 'perf') stream.lossKnown = reader.countsLost || hasLossCounter(ctx.opened, map);
  if (stream.source === 'perf')
    return () => ctx.ledger.set(stream.map, 'perf_full', Math.max(Number(reader.lost()), counted()));
  if (!stream.lossKnown) return () => {};
  return () => ctx.ledger.set(stream.map, 'ring_full', counted());
}

function rowsFor(plan: FoldPlan | MapPlan, ctx: WireContext): Rows {
  return new Rows(plan.stream, {
    decoder: plan.decoder,
    labels: plan.labels,
    maxSeries: ctx.maxSeries,
    bounds: plan.bounds,
    hasSum: plan.stream.hasSum,
    clock: ctx.registry,
    nextId: ctx.registry.nextId,
    filter: ctx.rowFilter(plan.stream),
  });
}

function foldRing(plan: FoldPlan, reader: RecordReader, ctx: WireContext): Ring {
  const { stream, decoder } = plan;
  const rows = rowsFor(plan, ctx);
  const fold = new Fold(plan, rows, ctx.registry);
  ctx.registry.add(rows, fold);
  const { size } = decoder;
  const cut = new CutRecords(decoder);
  let events = 0;
  const onRecord = (view: RecordView, offset: number, length: number): void => {
    if (!ctx.take(stream)) return;
    events++;
    if (length >= size) fold.record(view, offset);
    else {
      const whole = cut.whole(view, offset, length);
      if (whole) fold.record(whole, 0);
      else tooShort(stream, length, ctx);
    }
  };
  return ring(stream, reader, ctx, {
    onRecord,
    onBatch: () => {},
    events: () => events,
    filtered: () => 0,
  });
}

function recordRing(plan: RecordPlan, reader: RecordReader, ctx: WireContext): Ring {
  const { stream, decoder } = plan;
  const { size } = decoder;
  const clock = new WallClock();
  const passes = ctx.recordFilter(stream);
  const timeColumn = decoder.columns.findIndex(
    (c) => /^(boot_)?timestamp_ns$/.test(c.typeName) && !readTags(c.tags).private,
  );
  const time = timeColumn < 0 ? undefined : decoder.column(timeColumn);
  const boot = decoder.columns[timeColumn]?.typeName === 'boot_timestamp_ns';
  const timeOf = (ns: number | bigint) => (boot ? clock.fromBoot(ns) : clock.fromKernel(ns));
  const cut = new CutRecords(decoder);
  let events = 0;
  let filtered = 0;
  const onRecord = (view: RecordView, offset: number, length: number): void => {
    if (length < size) {
      const whole = cut.whole(view, offset, length);
      if (whole) {
        onRecord(whole, 0, size);
        return;
      }
      events++;
      tooShort(stream, length, ctx);
      return;
    }
    if (passes !== undefined && !passes(view, offset)) {
      events++;
      filtered++;
      return;
    }
    if (!ctx.take(stream)) return;
    events++;
    const timeMs = time === undefined ? clock.now : timeOf(time(view, offset) as number | bigint);
    ctx.onRecord(stream, view, offset, length, timeMs);
  };
  return ring(stream, reader, ctx, {
    onRecord,
    onBatch: () => clock.update(),
    events: () => events,
    filtered: () => filtered,
    room: ctx.room,
  });
}

function tooShort(stream: StreamInfo, length: number, { ledger }: WireContext): void {
  stream.tooShort ??= length;
  ledger.add(stream.map, 'short_record', 1);
}

interface RingParts {
  onRecord: (view: RecordView, offset: number, length: number) => void;
  onBatch: () => void;
  events: () => number;
  filtered: () => number;
  room?: () => number;
}

function ring(stream: Stream, reader: RecordReader, ctx: WireContext, parts: RingParts): Ring {
  let poller: Poller | undefined;
  const drain = new Drain({
    reader,
    wakeUp: (onReadable) => {
      poller = new Poller(reader.fd, onReadable);
      return poller;
    },
    onRecord: parts.onRecord,
    onBatch: parts.onBatch,
    onDrained: ctx.onDrained,
    room: parts.room,
    delayMs: ctx.drainMs[stream.map],
    onError: ctx.onError,
  });
  return {
    stream,
    drain,
    get events() {
      return parts.events();
    },
    get filtered() {
      return parts.filtered();
    },
    close() {
      poller?.close();
      reader[Symbol.dispose]();
    },
  };
}

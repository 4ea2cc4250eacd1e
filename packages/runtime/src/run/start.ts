import { type BpfLink, closeLinks, enableStats, sweepClsact } from '@skep/bpf';
import type { RunRequest } from '../contract/request.ts';
import type { Run } from '../contract/run.ts';
import type { Sink } from '../contract/sink.ts';
import type { RunSummary } from '../contract/stats.ts';
import type { StackNamer } from '../stacks/namer.ts';
import { buildStreams, type PlannedMap } from '../streams/build.ts';
import { bindFilters, parseFilters } from '../streams/filter.ts';
import { planIterators } from '../streams/iterators.ts';
import { checkShown, parseShow } from '../streams/show.ts';
import { attachAll } from './attach.ts';
import { chooseBuffers } from './buffers.ts';
import { confine } from './confine.ts';
import { loadObjects } from './load.ts';
import { refuseModifying } from './modify.ts';
import { nothingToShow } from './nothing.ts';
import { closeOpened, type Opened, openObjects } from './open.ts';
import { fillLists } from './params.ts';
import { pinAll, planPins } from './pin.ts';
import { blaming, byProbe, probesOf } from './probes.ts';
import { ActiveRun } from './run.ts';
import { sentence } from './sentence.ts';
import { chooseHooks, planTargets } from './targets.ts';

/**
 * Runs a probe: opens, checks, loads and attaches its objects, and hands what they yield to the sinks until
 * {@link Run.stop}. Everything that is wrong with the request is found before anything is attached; when a program
 * does not attach, the others are detached again.
 *
 * ```ts
 * const run = await startRun({ name: 'oomkill', objects: [{ name: 'oomkill.o', bytes }], sinks: [new JsonSink()] });
 * process.once('SIGINT', () => void run.stop('signal'));
 * const summary = await run.closed;
 * ```
 *
 * @throws RuntimeError, BpfError, ProbeError: all have a `code` that begins with `SKEP_` and a `hint`
 */
export async function startRun(request: RunRequest): Promise<Run> {
  const { params = {}, sinks, maxSeries = 10_000, intervalMs = 1000, programStats = true } = request;
  const notes: string[] = [];
  const filters = parseFilters(request.filters ?? []);
  const { hooks: forced = {}, twins = true, explain = false, show = [] } = request;
  const opened = openObjects(request.objects, params, { forced, twins, explain }, request.name, show);
  const undo: (() => void)[] = [];
  let links: readonly BpfLink[] = [];
  let run: ActiveRun | undefined;
  try {
    checkShown(parseShow(show), opened);
    for (const group of byProbe(opened)) {
      const own = parseShow(
        request.objects.find((u) => (u.probe ?? request.name) === group[0]!.probe)?.show ?? [],
      );
      blaming(group[0]!, () => checkShown(own, group));
    }
    planTargets(opened, request.attach ?? [], request.attachDefaults ?? [], notes);
    if (!request.allowModify) refuseModifying(opened);
    chooseBuffers(opened, request.buffer);
    const { histBuckets = [], histValueKeys = [], rawMaps = [] } = request;
    const planned = buildStreams(opened, { histBuckets, histValueKeys, rawMaps }, notes);
    const iterators = planIterators(opened, planned.length, notes);
    const streams = [...planned.map((p) => p.plan.stream), ...iterators.flatMap((i) => i.stream ?? [])];
    if (streams.length === 0) notes.push(nothingToShow(opened));
    bindFilters(filters, streams);
    for (const o of opened) blaming(o, () => chooseHooks(o));
    planPins(opened, request.pinMaps, request.pinProgs);
    // The kernel's work first: it goes on, on threads, while the sinks prepare.
    const loading = loadObjects(opened);
    await both(prepareSinks(sinks), loading);
    fillLists(opened);
    const { name, maxEvents, iterate = 'once', drainMs = {} } = request;
    const naming = streams.filter((s) => s.namesCgroup);
    const placeOf = naming.length > 0 ? await request.places?.() : undefined;
    if (placeOf) for (const stream of naming) stream.placeBy(placeOf);
    const namer = await namerFor(planned, notes);
    undo.push(() => namer?.close());
    const rest = { iterators, iterate, intervalMs, maxSeries, drainMs, maxEvents, notes, namer };
    run = new ActiveRun({ name, opened, planned, filters, sinks, ...rest });
    await run.open();
    const stats = programStats ? accountPrograms(notes) : undefined;
    undo.push(() => stats?.[Symbol.dispose]());
    const swept = sweepClsact();
    if (swept > 0) notes.push(`removed ${swept} tc programs that a killed skep had left`);
    const attached = await attachAll(opened, notes);
    links = attached;
    // Only now is it known which programs run.
    undo.push(pinAll(planPins(opened, request.pinMaps, request.pinProgs)));
    if (request.confine)
      confine(
        attached,
        request.confine.keep,
        { stacks: namer !== undefined, places: placeOf !== undefined },
        notes,
      );
    run.begin(attached, request.timeoutMs, stats);
    return run;
  } catch (error) {
    await closeLinks(links);
    await run?.abandon();
    for (const back of undo.reverse()) back();
    closeOpened(opened);
    // The first fault is the one to tell; what a sink says while it is put away adds nothing.
    await Promise.allSettled(sinks.map((sink) => sink.stop?.(failedSummary(opened, notes, error))));
    throw error;
  }
}

/** Symbols are code that only a run with stacks loads. */
async function namerFor(planned: readonly PlannedMap[], notes: string[]): Promise<StackNamer | undefined> {
  const named = ({ stream }: PlannedMap['plan']) => [...stream.stackColumns, ...stream.valueStacks];
  if (!planned.some((p) => named(p.plan).length > 0)) return undefined;
  const { StackNamer } = await import('../stacks/namer.ts');
  return new StackNamer(notes);
}

/** Both at once, and both over before the first fault is told: an object must not be closed while it loads. */
async function both(...work: Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}

/** What the programs cost is worth knowing, but no reason not to run them: CAP_BPF and CAP_PERFMON do not allow it. */
function accountPrograms(notes: string[]): Disposable | undefined {
  try {
    return enableStats();
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== 'SKEP_PERMISSION' && code !== 'SKEP_UNSUPPORTED') throw error;
    notes.push(
      code === 'SKEP_PERMISSION'
        ? 'what the probe costs is not counted: that needs CAP_SYS_ADMIN'
        : `what the probe costs is not counted: ${sentence(error)}`,
    );
    return undefined;
  }
}

async function prepareSinks(sinks: readonly Sink[]): Promise<void> {
  await Promise.all(sinks.map((sink) => sink.prepare?.()));
}

function failedSummary(opened: readonly Opened[], notes: readonly string[], error: unknown): RunSummary {
  return {
    reason: 'error',
    error,
    probes: probesOf(opened).map((name) => ({ name, objects: [], maps: [] })),
    startedAt: new Date(),
    elapsedMs: 0,
    events: {},
    filtered: {},
    lost: [],
    lossUnknown: [],
    foundFull: {},
    evictionsUnknown: [],
    missed: [],
    missesUnknown: [],
    programs: [],
    programStats: false,
    hooks: [],
    exports: [],
    decodeErrors: 0,
    series: 0,
    ownCpuUs: 0,
    notes,
  };
}

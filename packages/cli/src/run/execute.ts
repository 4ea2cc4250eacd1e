import * as bpf from '@skep/bpf';
import type { ProbeImage } from '@skep/probe';
import {
  type HookChoice,
  type MetricsStatus,
  type Run,
  type RunSummary,
  type RunUnit,
  type Sink,
  startRun,
  TerminalView,
} from '@skep/runtime';
import { note, redirectNotes } from '../output/out.ts';
import { endingSignals, tellService, trimMemory } from '../service.ts';
import type { Settings } from '../settings.ts';
import { mark, printMarks } from '../timing.ts';
import { explainSink, explanation } from './explain.ts';
import type { RunFlags } from './flags.ts';
import { gatherParams, imageParams } from './gather-params.ts';
import { type Background, chooseOutputs, toStandardOutput } from './outputs.ts';
import {
  checkPlatform,
  checkPrivileges,
  openSummaryFile,
  provideBpffs,
  provideTracefs,
  writeSummary,
} from './preflight.ts';
import type { ProgramRequest, Programs } from './programs.ts';
import { runSource } from './source.ts';
import { summaryJson, summaryText } from './summary.ts';
import { trustCheck } from './trust.ts';

/** Runs probes, mostly one, until they are stopped, says what it was, and leaves nothing in the kernel. */
export async function execute(programs: Programs, flags: RunFlags, settings: Settings): Promise<void> {
  if (flags.instance === undefined) {
    await runOnce(programs, flags, settings);
    return;
  }
  const { OwnInstance } = await import('../instances/index.ts');
  const instance = new OwnInstance(flags.instance);
  let attached = false;
  redirectNotes((text) => {
    instance.log.note(text);
    if (!attached) process.stderr.write(`${text}\n`);
  });
  try {
    const { reason } = await runOnce(programs, flags, settings, {
      log: instance.log,
      hub: instance.hub,
      async running(run, metrics) {
        await instance.running(run, metrics, (options) => new TerminalView(options));
        attached = true;
      },
    });
    instance.ended(reason);
  } catch (error) {
    instance.ended('error', error);
    throw error;
  }
}

/** What the run of an instance tells it. */
interface InBackground extends Background {
  running(run: Run, metrics: MetricsStatus | undefined): Promise<void>;
}

async function runOnce(
  { programs, words }: Programs,
  flags: RunFlags,
  settings: Settings,
  background?: InBackground,
): Promise<RunSummary> {
  const said = programs.map((p) => p.program).join(' ');
  mark('code read');
  const stopper = listenForSignals();
  if (flags.tied) atEndOfInput(() => stopper.stop('quit'));
  checkPrivileges(bpf.capabilities(), `run ${said}`);
  provideTracefs(bpf);
  if (flags.pinMaps !== undefined || flags.pinProgs !== undefined) provideBpffs(bpf);
  const probes: Probe[] = [];
  for (const request of programs) {
    const { program } = request;
    const read = async () => runSource(program, flags, settings, await trustCheck(program, flags, settings));
    const { image } = await read().catch((error: unknown) => stopper.failed(error));
    checkPlatform(image, program);
    probes.push({ image, request, name: request.name ?? image.name });
  }
  const summaryFd = flags.summary === undefined ? undefined : openSummaryFile(flags.summary);
  const images = probes.map((p) => p.image);
  const params = await gatherParams(images, flags, words, process.env);
  mark('probe read');
  const outputs = await chooseOutputs(flags, said, () => stopper.stop('quit'), background);
  const { sinks, live, later } = outputs;
  using types = await typesOf(images);
  const name = probes.map((p) => p.name).join(' + ');
  const run = await startRun({
    name,
    objects: probes.flatMap((probe) => unitsOf(probe, types.paths.get(probe.image))),
    params,
    attach: flags.attach,
    hooks: flags.hook,
    twins: flags.twins,
    explain: flags.explain,
    allowModify: flags.allowModify,
    show: flags.show,
    filters: flags.filter,
    buffer: flags.buffer,
    histBuckets: flags.histBuckets,
    histValueKeys: flags.histValueKey,
    pinMaps: flags.pinMaps,
    pinProgs: flags.pinProgs,
    intervalMs: flags.interval,
    maxSeries: flags.maxSeries,
    iterate: flags.interval !== undefined ? 'interval' : live || background ? 'hold' : 'once',
    timeoutMs: flags.timeout,
    maxEvents: flags.maxEvents,
    places: async () => (await import('../instances/index.ts')).placesOf(),
    confine: flags.keepPrivileges ? undefined : { keep: neededByOutputs(flags) },
    sinks: [...(flags.explain ? [explainSink()] : []), ...sinks, timingSink()],
  }).catch(async (error: unknown) => {
    const { hooks = [] } = error as { hooks?: readonly HookChoice[] };
    if (flags.explain && hooks.length > 0) note(explanation(hooks));
    throw (await import('./perf-denied.ts')).perfDenied(error, bpf.capabilities()) ?? error;
  });
  mark('attached');
  stopper.watch(run);
  const trimming = trimMemory();
  const told = new Set<string>();
  if (!live) tell(run.stats().notes, told);
  const closeLater = later(run);
  tellService('READY=1');
  if (background) {
    try {
      await background.running(run, outputs.metrics());
    } catch (error) {
      void run.stop('error', error);
    }
  }
  const summary = await run.closed;
  tellService('STOPPING=1');
  trimming.dispose();
  await closeLater();
  stopper.dispose();
  // Of a run that failed, too, what it had seen by then.
  if (summaryFd !== undefined) writeSummary(summaryFd, summaryJson(name, summary));
  if (summary.reason === 'error') throw named(summary.error);
  tell(summary.notes, told);
  note(summaryText(name, summary));
  return summary;
}

/** A graph is written at the end, perhaps over a file of another user: under sudo of the one who called. */
function neededByOutputs({ flame, folded }: RunFlags): string[] {
  return flame !== undefined || (folded !== undefined && !toStandardOutput(folded))
    ? ['CAP_DAC_OVERRIDE']
    : [];
}

interface Probe {
  readonly image: ProbeImage;
  readonly request: ProgramRequest;
  readonly name: string;
}

/** The objects of a probe, with what is said of it alone: by a list, else by its image. */
function unitsOf({ image, request, name }: Probe, types: string | undefined): RunUnit[] {
  const { set = {}, attach, hook, show } = request;
  const own = Object.entries(set).map(([param, value]) => [param, { value, from: `set of ${name}` }]);
  const about = {
    probe: name,
    params: { ...imageParams(image.params), ...Object.fromEntries(own) },
    attachDefaults: attach ?? image.attach,
    hooks: hook,
    show: show ?? image.show,
    types,
  };
  return image.objects.map((o) => ({ ...o, ...about }));
}

/** The images' types for this kernel, where it has none: files that are there while the probes run. */
async function typesOf(
  images: readonly ProbeImage[],
): Promise<{ paths: Map<ProbeImage, string> } & Disposable> {
  const files = new Map<ProbeImage, { path: string } & Disposable>();
  for (const image of images.filter((i) => i.kernelTypes)) {
    const { typesFile, typesForRunning } = await import('../kernel-types.ts');
    const types = await typesForRunning(image);
    if (!types) continue;
    note(`this kernel has no types of its own: those that the image has for ${types.release} are used`);
    files.set(image, typesFile(types));
  }
  return {
    paths: new Map([...files].map(([image, { path }]) => [image, path])),
    [Symbol.dispose]: () => {
      for (const file of files.values()) file[Symbol.dispose]();
    },
  };
}

/** An error of writing knows no path: only standard output is written to. */
function named(error: unknown): unknown {
  if (error instanceof Error && 'syscall' in error && error.syscall === 'write' && !('path' in error)) {
    Object.assign(error, { path: 'standard output' });
  }
  return error;
}

/** What the user should know once: a map that is ignored, a hook that was not taken. */
function tell(notes: readonly string[], told: Set<string>): void {
  for (const text of notes) {
    if (!told.has(text)) note(text);
    told.add(text);
  }
}

/** Ctrl-C, SIGTERM and a closed terminal stop the run; a second one ends the process at once. */
function listenForSignals(): {
  watch(run: Run): void;
  stop(reason: 'quit' | 'signal'): void;
  /** Of what failed before there was a run. A compiler dies of the same Ctrl-C, and nobody wants to read that. */
  failed(error: unknown): never;
  dispose(): void;
} {
  let run: Run | undefined;
  let wanted: 'quit' | 'signal' | undefined;
  const signals = endingSignals();
  const onSignal = () => {
    if (wanted === 'signal') process.exit(130);
    stop('signal');
  };
  const stop = (reason: 'quit' | 'signal') => {
    wanted = reason;
    run?.stop(reason);
  };
  for (const signal of signals) process.on(signal, onSignal);
  return {
    watch(started) {
      run = started;
      if (wanted) run.stop(wanted);
    },
    stop,
    failed(error) {
      const told = (error as { code?: unknown }).code === 'SKEP_ABORTED'; // by a transfer, which says how to go on
      if (wanted === 'signal' && !told) process.exit(130);
      throw error;
    },
    dispose() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

/** Its end is an event of its own, for which the process need not go on. */
function atEndOfInput(act: () => void): void {
  process.stdin.once('end', act).resume();
  process.stdin.unref();
}

/** With SKEP_TIMING: when the first event came. */
function timingSink(): Sink {
  let first = true;
  return {
    name: 'timing',
    start: () => mark('loaded'),
    record() {
      if (!first) return;
      first = false;
      mark('first event');
      printMarks();
    },
  };
}

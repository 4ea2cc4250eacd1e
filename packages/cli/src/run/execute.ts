import { writeFileSync } from 'node:fs';
import * as bpf from '@skep/bpf';
import type { ProbeImage } from '@skep/probe';
import { type Run, type Sink, startRun } from '@skep/runtime';
import { note } from '../output/out.ts';
import type { Settings } from '../settings.ts';
import { mark, printMarks } from '../timing.ts';
import { explainSink } from './explain.ts';
import type { RunFlags } from './flags.ts';
import { gatherParams } from './gather-params.ts';
import { chooseOutputs } from './outputs.ts';
import {
  checkPlatform,
  checkPrivileges,
  checkSummaryFile,
  provideBpffs,
  provideTracefs,
} from './preflight.ts';
import { runSource } from './source.ts';
import { summaryJson, summaryText } from './summary.ts';
import { trustCheck } from './trust.ts';

/** Runs a probe until it is stopped, says what it was, and leaves nothing in the kernel. */
export async function execute(
  program: string,
  flags: RunFlags,
  words: readonly string[],
  settings: Settings,
): Promise<void> {
  mark('code read');
  const stopper = listenForSignals();
  checkPrivileges(bpf.capabilities(), program);
  provideTracefs(bpf);
  if (flags.pinMaps !== undefined || flags.pinProgs !== undefined) provideBpffs(bpf);
  const { image } = await runSource(program, flags, settings, await trustCheck(program, flags, settings));
  checkPlatform(image, program);
  if (flags.summary !== undefined) checkSummaryFile(flags.summary);
  const params = await gatherParams(image, flags, words, process.env);
  mark('probe read');
  const { sinks, live, later } = await chooseOutputs(flags, program, () => stopper.stop('quit'));
  using types = await typesOf(image);
  const run = await startRun({
    name: image.name,
    objects: types ? image.objects.map((o) => ({ ...o, types: types.path })) : image.objects,
    params,
    attach: flags.attach,
    attachDefaults: image.attach,
    hooks: flags.hook,
    twins: flags.twins,
    explain: flags.explain,
    allowModify: flags.allowModify,
    filters: flags.filter,
    buffer: flags.buffer,
    histBuckets: flags.histBuckets,
    histValueKeys: flags.histValueKey,
    pinMaps: flags.pinMaps,
    pinProgs: flags.pinProgs,
    intervalMs: flags.interval,
    maxSeries: flags.maxSeries,
    iterate: flags.interval !== undefined ? 'interval' : live ? 'hold' : 'once',
    timeoutMs: flags.timeout,
    maxEvents: flags.maxEvents,
    sinks: [...(flags.explain ? [explainSink()] : []), ...sinks, timingSink()],
  });
  mark('attached');
  stopper.watch(run);
  const trimming = trimMemory();
  const told = new Set<string>();
  if (!live) tell(run.stats().notes, told);
  const closeLater = later(run);
  const summary = await run.closed;
  trimming.dispose();
  await closeLater();
  stopper.dispose();
  // Of a run that failed, too, what it had seen by then.
  if (flags.summary !== undefined) writeFileSync(flags.summary, summaryJson(image.name, summary));
  if (summary.reason === 'error') throw named(summary.error);
  tell(summary.notes, told);
  note(summaryText(image.name, summary));
}

/** The image's types for this kernel, where it has none: a file that is there while the probe runs. */
async function typesOf(image: ProbeImage): Promise<({ path: string } & Disposable) | undefined> {
  if (!image.kernelTypes) return undefined;
  const { typesFile, typesForRunning } = await import('../kernel-types.ts');
  const types = await typesForRunning(image);
  if (!types) return undefined;
  note(`this kernel has no types of its own: those that the image has for ${types.release} are used`);
  return typesFile(types);
}

/**
 * Gives back what only the start needed of Node's 120 MB, then what compiling and collecting touched meanwhile. Half a
 * millisecond each time; the resident memory of a run that lasts is what it works with.
 */
function trimMemory(): { dispose(): void } {
  const first = setTimeout(bpf.releaseProgramPages, 1000);
  const later = setInterval(bpf.releaseProgramPages, 10_000);
  return {
    dispose() {
      clearTimeout(first);
      clearInterval(later);
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
  dispose(): void;
} {
  let run: Run | undefined;
  let wanted: 'quit' | 'signal' | undefined;
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
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
    dispose() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
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

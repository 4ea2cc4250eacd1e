import type { Run, RunSummary, Sink } from '@skep/runtime';
import { note } from '../output/out.ts';
import type { Settings } from '../settings.ts';
import { mark, printMarks } from '../timing.ts';
import type { RunFlags } from './flags.ts';
import { chooseOutputs } from './outputs.ts';
import { checkPrivileges, provideBpffs, provideTracefs } from './preflight.ts';
import { runSource } from './source.ts';
import { summaryText } from './summary.ts';

/** Runs a probe until it is stopped, says what it was, and leaves nothing in the kernel. */
export async function execute(program: string, flags: RunFlags, settings: Settings): Promise<void> {
  const stopper = listenForSignals();
  // The runtime's modules are read from disk while the image is.
  const runtime = import('@skep/runtime');
  const bpf = await import('@skep/bpf');
  checkPrivileges(bpf.capabilities(), program);
  provideTracefs(bpf);
  if (flags.pinMaps !== undefined || flags.pinProgs !== undefined) provideBpffs(bpf);
  // Under sudo the image may be read with another user's rights: all code has to be here by then.
  if (process.env.SUDO_UID) await runtime;
  const { image } = await runSource(program, flags, settings);
  const { startRun } = await runtime;
  mark('runtime ready');
  const { sinks, later } = await chooseOutputs(flags, program, () => stopper.stop('quit'));
  sinks.push(timingSink());
  const run = await startRun({
    name: image.name,
    objects: image.objects,
    params: flags.set,
    filters: flags.filter,
    histBuckets: flags.histBuckets,
    histValueKeys: flags.histValueKey,
    pinMaps: flags.pinMaps,
    pinProgs: flags.pinProgs,
    intervalMs: flags.interval,
    maxSeries: flags.maxSeries,
    timeoutMs: flags.timeout,
    maxEvents: flags.maxEvents,
    sinks,
  });
  mark('attached');
  stopper.watch(run);
  const closeLater = await later(run);
  const summary = await run.closed;
  await closeLater();
  stopper.dispose();
  finish(image.name, summary);
}

function finish(name: string, summary: RunSummary): void {
  if (summary.reason === 'error') throw summary.error;
  for (const text of summary.notes) note(text);
  note(summaryText(name, summary));
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

import type { MetricsServer, Run, Sink } from '@skep/runtime';
import { note } from '../output/out.ts';
import { mark } from '../timing.ts';
import { debugLog } from './debug-log.ts';
import type { RunFlags } from './flags.ts';

/** Where a run's records and series go. */
export interface Outputs {
  sinks: Sink[];
  /** Whether the live view has the terminal, so that notes have to wait. */
  live: boolean;
  /** What need not be ready before the probe runs; returns how to end it. */
  later(run: Run): Promise<() => Promise<void>>;
}

/** The live view on a terminal, JSON lines elsewhere, `/metrics` unless unwanted, debug.log if asked for. */
export async function chooseOutputs(flags: RunFlags, program: string, quit: () => void): Promise<Outputs> {
  const { JsonSink, MetricsServer } = await import('@skep/runtime');
  const live =
    flags.output !== 'json' && flags.tty && process.stdout.isTTY === true && process.stdin.isTTY === true;
  const sinks: Sink[] = [live ? await liveView(quit) : new JsonSink()];
  if (flags.debug) sinks.push(debugLog('debug.log', { program, ...flags, argv: process.argv.slice(2) }));
  if (!flags.prom) return { sinks, live, later: async () => async () => undefined };
  const asked = flags.promListen ?? (flags.promPort === undefined ? undefined : { port: flags.promPort });
  const metrics = new MetricsServer({
    ...asked,
    required: asked !== undefined,
    beeNames: flags.beeMetricNames,
  });
  if (asked) sinks.push(metrics);
  const later = async (run: Run): Promise<() => Promise<void>> => {
    if (asked) {
      sayWhere(metrics, live);
      return async () => undefined;
    }
    // Nobody asked for the usual port: the probe does not wait for it.
    await metrics.prepare();
    metrics.start(run);
    mark('metrics ready');
    const { status } = metrics;
    sayWhere(metrics, live);
    return async () => {
      await metrics.stop();
      if (live && !status.listening) note(`no /metrics: ${status.reason}`);
    };
  };
  return { sinks, live, later };
}

async function liveView(onQuit: () => void): Promise<Sink> {
  const { TerminalView } = await import('@skep/runtime/view');
  return new TerminalView({ input: process.stdin, output: process.stdout, onQuit });
}

function sayWhere({ status }: MetricsServer, live: boolean): void {
  if (live) return;
  note(
    status.listening
      ? `metrics: ${status.url}`
      : `no /metrics: ${status.reason}; --prom-listen asks for another`,
  );
}

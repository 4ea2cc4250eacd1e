import { writeSync } from 'node:fs';
import {
  JsonSink,
  MetricsServer,
  type MetricsStatus,
  type Output,
  type Run,
  type Sink,
  TerminalView,
} from '@skep/runtime';
import { canDraw } from '../output/color.ts';
import { note } from '../output/out.ts';
import { mark } from '../timing.ts';
import { version } from '../version.ts';
import { debugLog } from './debug-log.ts';
import type { RunFlags } from './flags.ts';

/** Where a run's records and series go. */
export interface Outputs {
  sinks: Sink[];
  /** Whether the live view has the terminal, so that notes have to wait. */
  live: boolean;
  /** Starts what the probe does not wait for; returns how to end it. */
  later(run: Run): () => Promise<void>;
  /** Whether /metrics is served; undefined where nobody wants it. */
  metrics(): MetricsStatus | undefined;
}

/** Where the output of an instance goes. */
export interface Background {
  readonly log: Output;
  readonly hub: Sink;
}

/** The live view on a terminal, JSON lines elsewhere, `/metrics` unless unwanted, debug.log if asked for. */
export async function chooseOutputs(
  flags: RunFlags,
  program: string,
  quit: () => void,
  background?: Background,
): Promise<Outputs> {
  const live =
    background === undefined &&
    flags.output !== 'json' &&
    flags.tty &&
    !toStandardOutput(flags.folded) &&
    canDraw(process.stdout) &&
    process.stdin.isTTY === true;
  const sinks: Sink[] = [];
  if (live) sinks.push(new TerminalView({ input: process.stdin, output: process.stdout, onQuit: quit }));
  else if (background) sinks.push(new JsonSink({ output: background.log }), background.hub);
  else if (!toStandardOutput(flags.folded)) sinks.push(new JsonSink());
  sinks.push(...(await flames(flags)), ...(await otlp(flags, live)));
  if (flags.debug) sinks.push(debugLog('debug.log', { program, ...flags, argv: process.argv.slice(2) }));
  if (!flags.prom) return { sinks, live, later: () => async () => undefined, metrics: () => undefined };
  const asked = flags.promListen ?? (flags.promPort === undefined ? undefined : { port: flags.promPort });
  const metrics = new MetricsServer({
    ...asked,
    required: asked !== undefined,
    beeNames: flags.beeMetricNames,
  });
  const status = () => metrics.status;
  if (!asked && !background)
    return { sinks, live, later: (run) => usualMetrics(metrics, run, live), metrics: status };
  sinks.push(metrics);
  const later = () => {
    sayWhere(metrics, live);
    return async () => undefined;
  };
  return { sinks, live, later, metrics: status };
}

/** `--otlp`, whose code only it loads. What is wrong with the receiver is told at once, or at the end of the live view. */
async function otlp({ otlp: url, otlpInterval }: RunFlags, live: boolean): Promise<Sink[]> {
  if (url === undefined) return [];
  const { OtlpSink } = await import('@skep/runtime/otlp');
  const onTrouble = live ? undefined : note;
  return [new OtlpSink({ url, metricIntervalMs: otlpInterval, version, onTrouble })];
}

/** `--flame` and `--folded`, whose code only they load. */
async function flames({ flame, folded }: RunFlags): Promise<Sink[]> {
  if (flame === undefined && folded === undefined) return [];
  const { FlameSink } = await import('@skep/runtime/flame');
  const sinks: Sink[] = [];
  if (flame !== undefined) {
    const { map, file } = mapAndFile(flame);
    sinks.push(new FlameSink({ map, svg: file }));
  }
  if (folded !== undefined) {
    const { map, file } = mapAndFile(folded);
    const write = (text: string) => writeSync(process.stdout.fd, text);
    sinks.push(new FlameSink({ map, folded: file === '-' ? write : file }));
  }
  return sinks;
}

/** `counter_cpu=cpu.svg`: a map's name has a prefix of ours, so that a file may have an equals sign in its name. */
function mapAndFile(text: string): { map?: string; file: string } {
  const parts = /^((?:print|counter|gauge|hist)_\w+(?:@[^=]+)?)=(.+)$/.exec(text);
  return parts ? { map: parts[1], file: parts[2]! } : { file: text };
}

/** Folded stacks go where JSON lines would. */
export function toStandardOutput(folded: string | undefined): boolean {
  return folded !== undefined && mapAndFile(folded).file === '-';
}

/** Nobody asked for the usual port, so the first events do not wait for it, and it may be occupied. */
function usualMetrics(metrics: MetricsServer, run: Run, live: boolean): () => Promise<void> {
  let ready: Promise<void> | undefined;
  const timer = setTimeout(() => {
    ready = metrics.prepare().then(() => {
      metrics.start(run);
      metrics.attached();
      mark('metrics ready');
      sayWhere(metrics, live);
    });
  }, afterFirstEventsMs);
  return async () => {
    clearTimeout(timer);
    await ready;
    const { status } = metrics;
    await metrics.stop();
    if (live && ready && !status.listening) note(`no /metrics: ${status.reason}`);
  };
}

const afterFirstEventsMs = 100;

function sayWhere({ status }: MetricsServer, live: boolean): void {
  if (live) return;
  note(
    status.listening
      ? `metrics: ${status.url}`
      : `no /metrics: ${status.reason}; --prom-listen asks for another`,
  );
}

import {
  type Agent,
  type AgentOptions,
  checkFailure,
  defaultSocket,
  spanInfo,
  startAgent,
} from '@skep/agent';
import * as bpf from '@skep/bpf';
import { isFull } from '@skep/runtime';
import { canDraw } from '../output/color.ts';
import { note } from '../output/out.ts';
import { checkPrivileges, provideTracefs } from '../run/preflight.ts';
import { endingSignals, tellService, trimMemory } from '../service.ts';
import { version } from '../version.ts';
import type { AgentFlags } from './flags.ts';
import { Lines } from './lines.ts';
import { openView } from './live.ts';
import { allowedProbes } from './probes.ts';
import { spanLine } from './text.ts';

/** Runs the agent until it is stopped. */
export async function runAgent(flags: AgentFlags): Promise<void> {
  const settings = await settingsOf(flags);
  checkPrivileges(bpf.capabilities(), 'agent');
  provideTracefs(bpf);
  let agent: Agent | undefined;
  let wanted = false;
  const end = () => {
    wanted = true;
    void agent?.stop();
  };
  const stop = () => {
    if (wanted) process.exit(130);
    end();
  };
  for (const signal of endingSignals()) process.on(signal, stop);
  const live = flags.tty && !flags.print && canDraw(process.stdout) && process.stdin.isTTY === true;
  const view = live ? await openView(settings.watch ?? {}, stop) : undefined;
  let unwritten: Error | undefined;
  const lines = flags.print
    ? new Lines((error) => {
        unwritten = error;
        end();
      })
    : undefined;
  const options: AgentOptions = {
    version,
    ...settings,
    objects: await allowedProbes(),
    onNote: (text) => (view ? view.notice(text) : note(text)),
    onSpan: lines && ((span) => lines.add(spanLine(spanInfo(span)))),
    onTick: () => view?.tick(),
  };
  try {
    agent = await startAgent(options);
    view?.attached(agent);
    if (wanted) void agent.stop();
    const { metrics, socket } = agent.status().listens;
    if (metrics && !view) note(`metrics: ${metrics}`);
    if (!metrics && !view && !lines && !settings.otlp)
      note(
        `it counts: ${socket ? 'skep agent services asks it, ' : ''}--print writes spans, --prom-listen serves metrics`,
      );
    const trimming = trimMemory();
    tellService('READY=1');
    const summary = await agent.closed;
    tellService('STOPPING=1');
    trimming.dispose();
    if (summary.reason === 'error') throw summary.error;
  } finally {
    view?.close();
    await lines?.finish();
  }
  const status = agent.status();
  note(
    `skep agent: ${status.requests} requests of ${status.services} services in ${Math.round(status.uptimeSeconds)} s, ${sumOf(status.notCounted)} not counted`,
  );
  if (unwritten && isFull(unwritten)) throw Object.assign(unwritten, { path: 'standard output' });
  if (lines && lines.lost > 0) note(`${lines.lost} spans were not printed: nobody read them in time`);
  const failure = checkFailure(status.selfCheck);
  if (failure) throw failure;
}

/** What the file says, and the flags, which win. OTLP is sent where one of them or the environment names a receiver. */
export async function settingsOf(
  flags: AgentFlags,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Partial<AgentOptions>> {
  const file =
    flags.config === undefined ? {} : (await import('@skep/agent/config')).readConfig(flags.config);
  const { port, pid, exe, cgroup, netns, socket, otlp } = flags;
  // A variable that is empty counts as absent, as OpenTelemetry has it; logs are none of the agent's.
  const asked = Object.entries(env).some(
    ([name, value]) => /^OTEL_EXPORTER_OTLP_((TRACES|METRICS)_)?ENDPOINT$/.test(name) && value?.trim(),
  );
  const narrowed = Object.entries({ port, pid, exe, cgroup, netns }).filter(([, values]) => values);
  return {
    ...file,
    watch: { ...file.watch, ...Object.fromEntries(narrowed) },
    prom: flags.promListen ?? file.prom,
    otlp: otlp !== undefined ? { ...file.otlp, url: otlp } : (file.otlp ?? (asked ? {} : undefined)),
    socket:
      socket === false
        ? false
        : socket !== undefined
          ? { path: socket, required: true }
          : (file.socket ?? { path: defaultSocket() }),
    cpuBudgetPercent: flags.cpuBudget ?? file.cpuBudgetPercent,
    hooks: flags.hook,
  };
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((a, b) => a + b, 0);
}

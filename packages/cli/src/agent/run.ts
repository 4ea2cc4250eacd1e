import { type Agent, type AgentOptions, defaultSocket, spanInfo, startAgent } from '@skep/agent';
import * as bpf from '@skep/bpf';
import { note, out } from '../output/out.ts';
import { checkPrivileges, provideTracefs } from '../run/preflight.ts';
import { version } from '../version.ts';
import type { AgentFlags } from './flags.ts';
import { servicesTable, spanLine } from './text.ts';

/** Runs the agent until it is stopped. */
export async function runAgent(flags: AgentFlags): Promise<void> {
  checkPrivileges(bpf.capabilities(), 'agent');
  provideTracefs(bpf);
  const live = flags.tty && !flags.print && process.stdout.isTTY === true;
  let agent: Agent | undefined;
  const options: AgentOptions = {
    version,
    watch: { port: flags.port, pid: flags.pid, exe: flags.exe, cgroup: flags.cgroup, netns: flags.netns },
    prom: flags.promListen,
    socket:
      flags.socket === false
        ? undefined
        : { path: flags.socket ?? defaultSocket(), required: flags.socket !== undefined },
    hooks: flags.hook,
    cpuBudgetPercent: flags.cpuBudget,
    onNote: note,
    onSpan: flags.print ? (span) => void out(`${spanLine(spanInfo(span))}\n`) : undefined,
    onTick: live ? () => void out(`\x1b[H\x1b[2J${servicesTable(agent?.services() ?? [])}`) : undefined,
  };
  agent = await startAgent(options);
  const stop = () => void agent?.stop();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop);
  const { metrics } = agent.status().listens;
  if (metrics) note(`metrics: ${metrics}`);
  const trimming = setInterval(bpf.releaseProgramPages, 10_000);
  setTimeout(bpf.releaseProgramPages, 1000).unref();
  const summary = await agent.closed;
  clearInterval(trimming);
  if (summary.reason === 'error') throw summary.error;
  const { state, reason } = agent.status().selfCheck;
  if (state === 'failed') note(`its check of itself failed: ${reason}`);
}

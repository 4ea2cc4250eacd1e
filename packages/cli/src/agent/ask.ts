import type { Answers } from '@skep/agent/client';
import { out } from '../output/out.ts';
import { toJson } from '../output/template.ts';
import type { AgentFlags } from './flags.ts';
import { servicesTable, statusText, tracesTable } from './text.ts';

const tables: { readonly [Q in keyof Answers]: (answer: Answers[Q]) => string } = {
  services: servicesTable,
  traces: tracesTable,
  status: statusText,
};

/**
 * `skep agent services`, `traces`, `status`: what the agent that runs here answers.
 *
 * @throws AgentError SKEP_AGENT_ABSENT; SKEP_AGENT_SELF_CHECK, after the answer, when that is not to be trusted
 */
export async function ask<Q extends keyof Answers>(question: Q, flags: AgentFlags): Promise<void> {
  const { askAgent, checkFailure, defaultSocket } = await import('@skep/agent/client');
  const socket = flags.socket || defaultSocket();
  const answer = await askAgent(question, socket);
  await out(flags.output === 'json' ? `${toJson(answer as never, 2)}\n` : tables[question](answer));
  const status = question === 'status' ? (answer as Answers['status']) : await askAgent('status', socket);
  const failure = checkFailure(status.selfCheck);
  if (failure) throw failure;
}

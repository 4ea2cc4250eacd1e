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

/** `skep agent services`, `traces`, `status`: what the agent that runs here answers. */
export async function ask<Q extends keyof Answers>(question: Q, flags: AgentFlags): Promise<void> {
  const { askAgent, defaultSocket } = await import('@skep/agent/client');
  const answer = await askAgent(question, flags.socket || defaultSocket());
  await out(flags.output === 'json' ? `${toJson(answer as never, 2)}\n` : tables[question](answer));
}

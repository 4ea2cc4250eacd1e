import { AgentError } from '../errors.ts';
import type { SelfCheck } from '../status.ts';

/** SKEP_AGENT_SELF_CHECK where the last check of the agent by itself failed: who reads its figures is told by an exit code, too. */
export function checkFailure({ state, reason }: SelfCheck): AgentError | undefined {
  if (state !== 'failed') return undefined;
  return new AgentError(
    'SKEP_AGENT_SELF_CHECK',
    `the agent's check of itself failed: ${reason}. What it counts is not to be trusted`,
    'skep agent status says by which hooks it watches; --hook traffic=fentry, kprobe or syscalls takes others.',
  );
}

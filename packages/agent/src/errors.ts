/**
 * Everything this package refuses, closed: callers may switch over it.
 *
 * | code | meaning |
 * | --- | --- |
 * | `SKEP_AGENT_CONFIG` | a configuration file, or a flag of the agent, that cannot be used |
 * | `SKEP_AGENT_RUNNING` | another agent answers at this socket |
 * | `SKEP_AGENT_SOCKET` | the socket cannot be made |
 * | `SKEP_AGENT_ABSENT` | no agent answers at this socket |
 * | `SKEP_AGENT_IMAGE` | a probe that belongs to the agent is not installed for this machine |
 * | `SKEP_AGENT_SELF_CHECK` | the agent's check of itself failed: its counts are wrong on this machine |
 * | `SKEP_AGENT_PIDS` | it is in a container of its own process ids, and cannot see those of the machine |
 * | `SKEP_AGENT_KERNEL` | a probe's structs are not those that this agent reads |
 */
export type AgentErrorCode =
  | 'SKEP_AGENT_CONFIG'
  | 'SKEP_AGENT_RUNNING'
  | 'SKEP_AGENT_SOCKET'
  | 'SKEP_AGENT_ABSENT'
  | 'SKEP_AGENT_IMAGE'
  | 'SKEP_AGENT_SELF_CHECK'
  | 'SKEP_AGENT_PIDS'
  | 'SKEP_AGENT_KERNEL';

/** `message` names the object and the fault, `hint` says the way out. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly code: AgentErrorCode;
  readonly hint: string;

  constructor(code: AgentErrorCode, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { AgentError } from '../errors.ts';
import type { ServiceInfo } from '../services/info.ts';
import type { SpanInfo } from '../spans/info.ts';
import type { AgentStatus } from '../status.ts';
import { defaultSocket, type Question } from './socket.ts';

/** What is answered to each question. */
export interface Answers {
  readonly services: readonly ServiceInfo[];
  readonly traces: readonly SpanInfo[];
  readonly status: AgentStatus;
}

const PATIENCE_MS = 5_000;

/**
 * Asks the agent that runs on this machine.
 *
 * @throws AgentError SKEP_AGENT_ABSENT when none answers
 */
export async function askAgent<Q extends Question>(
  ask: Q,
  path: string = defaultSocket(),
): Promise<Answers[Q]> {
  const absent = (why: string, hint: string) =>
    new AgentError('SKEP_AGENT_ABSENT', `no agent answers at ${path}${why}`, hint);
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(path);
    let got = '';
    socket.setEncoding('utf8');
    socket.setTimeout(PATIENCE_MS, () => {
      socket.destroy();
      reject(absent(' within 5 s', 'Is it stopped (Ctrl-Z)? Or very busy: ask again.'));
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const denied = error.code === 'EACCES' || error.code === 'EPERM';
      reject(
        denied
          ? absent(': permission denied', 'Only its own user may ask: sudo skep agent status.')
          : absent('', absentHint(path)),
      );
    });
    socket.on('data', (chunk) => {
      got += chunk;
    });
    socket.once('end', () => resolve(got));
    socket.write(`${JSON.stringify({ ask })}\n`);
  });
  let answer: Answers[Q] | { error: string };
  try {
    answer = JSON.parse(text) as Answers[Q] | { error: string };
  } catch {
    throw absent(': it hung up', 'It is ending, or answers too many others: ask again.');
  }
  if (answer && typeof answer === 'object' && 'error' in answer)
    throw absent(`: ${answer.error}`, 'Is it of another version?');
  return answer as Answers[Q];
}

/**
 * Who has started it with sudo often asks without, and is answered nothing in a place of their own.
 *
 * @internal
 */
export function absentHint(path: string, uid = process.geteuid?.() ?? 0, exists = existsSync): string {
  const roots = defaultSocket({}, 0);
  return uid !== 0 && path === defaultSocket(process.env, uid) && exists(dirname(roots))
    ? `Root's is at ${roots}: sudo skep agent status.`
    : 'Start one: sudo skep agent. Or name its socket with --socket.';
}

export { checkFailure } from '../selfcheck/failure.ts';
export { few } from '../services/few.ts';
export { fullName } from '../services/full-name.ts';
export { timeOfDay } from '../spans/time-of-day.ts';
export { defaultSocket } from './socket.ts';

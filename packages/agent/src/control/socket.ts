import { join } from 'node:path';

/** Where an agent answers unless told otherwise: root's in /run, anybody else's where their session keeps such things. */
export function defaultSocket(env: NodeJS.ProcessEnv = process.env, uid = process.geteuid?.() ?? 0): string {
  if (uid === 0) return '/run/skep/agent.sock';
  return join(env.XDG_RUNTIME_DIR || `/tmp/skep-${uid}`, 'skep', 'agent.sock');
}

/** What can be asked. */
export const QUESTIONS = ['services', 'traces', 'status'] as const;
export type Question = (typeof QUESTIONS)[number];

/** A question: one line of JSON. The answer is a JSON text, up to the end of the connection. */
export interface Ask {
  readonly ask: Question;
}

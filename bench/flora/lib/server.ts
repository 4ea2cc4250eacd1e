/** One variant's server, and what it says of itself. */
import { API, CONTROL, type Place } from './place.ts';
import { get, launch, type Running } from './process.ts';
import type { Variant } from './variants.ts';

export interface Told {
  /** Requests to /api that it has answered. */
  readonly answered: number;
  /** Of its language. */
  readonly runtime: string;
}

export function startServer(place: Place, { command, env }: Variant): Promise<Running> {
  return launch({
    name: 'server',
    command,
    env: { ...env, ADDRESS: API, CONTROL },
    logs: place.dir,
    ready: () => get(`http://${CONTROL}/count`),
  });
}

export async function told(): Promise<Told> {
  const text = await get(`http://${CONTROL}/count`);
  if (!text) throw new Error('the server does not answer');
  return JSON.parse(text) as Told;
}

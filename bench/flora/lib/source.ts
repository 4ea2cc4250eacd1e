/** Load at a given rate for the agent alone: the cheapest client and server there are (load/keepalive.c), one thread. */
import { startKeepalive } from './keepalive.ts';

export interface Source {
  readonly rate: number;
  readonly seconds: number;
  readonly routes: number;
}

const PORT = 18_080;

/** A source, ready to be watched; its `run` sends and answers `rate * seconds` requests. */
export async function openSource(program: string, { rate, seconds, routes }: Source) {
  const count = rate * seconds;
  const exchange = await startKeepalive(program, PORT, {
    ...{ ends: 'both', count, request: 120, response: 110, body: 200, rate, routes },
  });
  return {
    pid: exchange.server,
    count,
    /** Returns the rate that was reached: less than asked for where others have the processors. */
    async run(): Promise<number> {
      const began = performance.now();
      await exchange.run();
      return count / ((performance.now() - began) / 1000);
    },
    [Symbol.asyncDispose]: () => exchange[Symbol.asyncDispose](),
  };
}

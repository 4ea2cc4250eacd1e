/**
 * What skep's programs add to one request and its response on one keep-alive connection, by CPU time of a single thread
 * that is both ends (load/keepalive.c): nothing is scheduled in between, so differences of a tenth of a microsecond show.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BpfObject, enableStats } from '@skep/bpf';
import { startAgent } from './agent.ts';
import { type Keepalive, type Shape, startKeepalive } from './keepalive.ts';
import { type Place, root, skep } from './place.ts';
import { programsBetween, programsOf, type Ran } from './programs.ts';

/**
 * Ways to run the same exchange. `accounted` is `watched` with the kernel's statistics of programs, which cost some
 * themselves; `again` is `nothing` once more: what a difference of nothing looks like.
 */
export const ways = ['nothing', 'empty', 'watched', 'accounted', 'unwatched', 'again'] as const;
export type Way = (typeof ways)[number];

export interface Priced {
  /** ns of CPU for one request and response, both ends. */
  readonly spent: number;
  /** While accounted: what the kernel's statistics say of each program. */
  readonly programs?: Readonly<Record<string, Ran>>;
}

/** Compiles the programs without content; returns the object's path. */
export function buildEmpty(place: Place): string {
  const output = join(place.dir, 'empty.o');
  const source = join(root, 'bench/flora/probes/empty.c');
  execFileSync(skep, ['build', source, '--binary-only', '-o', output], { stdio: 'pipe' });
  return output;
}

/** Runs one way once. The connection is new each time: one that was not watched at first is told apart by the probe. */
export async function price(
  place: Place,
  way: Way,
  port: number,
  shape: Shape,
  programs: { keepalive: string; empty: string },
): Promise<Priced> {
  await using exchange = await startKeepalive(programs.keepalive, port, shape);
  switch (way) {
    case 'nothing':
    case 'again':
      return { spent: await warm(exchange) };
    case 'empty': {
      using object = BpfObject.open(readFileSync(programs.empty), { name: 'empty' });
      await object.load();
      for (const program of object.programs) program.attach();
      return { spent: await warm(exchange) };
    }
    case 'watched': {
      await using _agent = await startAgent(place, { pid: exchange.server });
      return { spent: await warm(exchange) };
    }
    case 'accounted': {
      using _stats = enableStats();
      await using agent = await startAgent(place, { pid: exchange.server });
      await exchange.run();
      const before = programsOf(agent.pid);
      const { both } = await exchange.run();
      return { spent: both, programs: programsBetween(before, programsOf(agent.pid)) };
    }
    case 'unwatched': {
      await using _agent = await startAgent(place, { pid: process.pid });
      return { spent: await warm(exchange) };
    }
  }
}

async function warm(exchange: Keepalive): Promise<number> {
  await exchange.run();
  return (await exchange.run()).both;
}

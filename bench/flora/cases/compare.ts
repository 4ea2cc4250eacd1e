/** Every variant of one language at one rate, in rounds, who goes first turning: the tables of the comparison. */
import { inTurn } from '../../lib/case.ts';
import { spread } from '../../lib/statistics.ts';
import type { Measured, Part } from '../lib/case.ts';
import { bars } from '../lib/picture.ts';
import type { Place } from '../lib/place.ts';
import { measureOnce, type Setting, type Taken } from '../lib/round.ts';
import { startSink } from '../lib/sink.ts';
import { comparison } from '../lib/tables.ts';
import { type Language, variantsOf } from '../lib/variants.ts';

export interface Comparison extends Omit<Setting, 'seconds'> {
  readonly name: string;
  readonly title: string;
  readonly language: Language;
  /** What the table is about: CPU a request, or what a capped server can do. */
  readonly about: 'cpu' | 'throughput';
}

export function compare(c: Comparison): Part {
  return { name: c.name, title: c.title, measure: (place) => measure(place, c) };
}

async function measure(place: Place, c: Comparison): Promise<Measured> {
  const { rounds, seconds } = place;
  const variants = variantsOf(c.language);
  const taken = new Map<string, Taken[]>(variants.map(({ name }) => [name, []]));
  await using _sink = await startSink(place);
  for (let round = 0; round < rounds; round++) {
    for (const variant of inTurn(variants, round)) {
      const one = await measureOnce(place, variant, { ...c, seconds });
      taken.get(variant.name)!.push(one);
      console.log(
        `  ${c.name} ${round + 1}/${rounds} ${variant.name.padEnd(28)} ${one.server.toFixed(1)} us a request, ` +
          `${one.throughput.toFixed(0)}/s, p99 ${one.p99.toFixed(1)} ms`,
      );
    }
  }
  const text = comparison(taken, c, seconds);
  const of = (value: (t: Taken) => number) =>
    Object.fromEntries([...taken].map(([name, all]) => [name, spread(all.map(value))]));
  const plots: Record<string, string> =
    c.about === 'throughput'
      ? {
          throughput: bars(
            `${c.title}: throughput`,
            'requests a second',
            of((t) => t.throughput),
          ),
        }
      : {
          cpu: bars(
            `${c.title}: CPU, server and agent`,
            'us a request',
            of((t) => t.server + t.agent),
          ),
          memory: bars(
            `${c.title}: memory, server and agent`,
            'MiB',
            of((t) => t.serverMemory + t.agentMemory),
          ),
          p99: bars(
            `${c.title}: p99`,
            'ms',
            of((t) => t.p99),
          ),
        };
  return { text, plots, figures: Object.fromEntries(taken) };
}

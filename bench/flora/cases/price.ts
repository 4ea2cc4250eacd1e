/** The proof's first part: what is added, program by program, beside the price of coming to a hook at all. */
import { inTurn } from '../../lib/case.ts';
import { figures, spread } from '../../lib/statistics.ts';
import { agentName } from '../lib/agent.ts';
import type { Measured, Part } from '../lib/case.ts';
import { buildKeepalive } from '../lib/keepalive.ts';
import { bars } from '../lib/picture.ts';
import type { Place } from '../lib/place.ts';
import { buildEmpty, type Priced, price, type Way, ways } from '../lib/price.ts';
import { onSockets } from '../lib/programs.ts';
import { signed, table } from '../lib/tables.ts';

/** Bytes of a request's header, a response's header, a body. k6 sends 120, Go answers with 110. */
const shapes = [
  { request: 120, response: 110, body: 1024 },
  { request: 1024, response: 1024, body: 1024 },
];
/** Both ends of the exchange send once and receive once. */
const HITS = 4;

export const pricePart: Part = { name: 'price', title: 'What is added to a request', measure };

type Taken = Record<Way, Priced[]>;

async function measure(place: Place): Promise<Measured> {
  // Cheap, and the smallest differences of all.
  const rounds = place.rounds + (place.quick ? 1 : 2);
  const count = place.quick ? 20_000 : 50_000;
  const built = { keepalive: buildKeepalive(place.dir), empty: buildEmpty(place) };
  const all = new Map<string, Taken>();
  for (const shape of shapes) {
    const name = `${shape.request} + ${shape.response}`;
    const taken: Taken = { nothing: [], empty: [], watched: [], accounted: [], unwatched: [], again: [] };
    all.set(name, taken);
    for (let round = 0; round < rounds; round++) {
      for (const way of inTurn(ways, round)) {
        taken[way].push(await price(place, way, 18_080, { ends: 'both', count, ...shape }, built));
      }
      console.log(`  price ${name}, round ${round + 1}/${rounds}`);
    }
  }
  const hit = priceOfHit([...all.values()]);
  const rows: (string | number)[][] = [];
  const added: Record<string, ReturnType<typeof spread>> = {};
  for (const [name, taken] of all) {
    const ns = (way: Way): number => spread(taken[way].map((t) => t.spent)).median;
    const base = ns('nothing');
    const sides = taken.accounted.map(({ programs }) => perSide(programs!, count));
    const run = spread(sides.map((s) => s.ns)).median;
    const hits = spread(sides.map((s) => s.runs)).median;
    rows.push([
      name,
      figures(base / 1000),
      signed((ns('again') - base) / 1000),
      figures(run / 1000),
      figures(hits),
      `**${figures((run + hits * Math.max(0, hit)) / 1000)}**`,
      signed((ns('watched') - base) / 2000),
      signed((ns('unwatched') - base) / 2000),
    ]);
    added[`run time, ${name}`] = spread(sides.map((s) => s.ns / 1000));
    added[`CPU, ${name}`] = spread(taken.watched.map((t) => (t.spent - base) / 2000));
  }
  const text =
    `${agentName()}, one connection on loopback, bodies of 1 KiB, ${rounds} rounds of ${figures(count)} requests, medians. ` +
    'One thread is client and server; everything behind the third column is for **one side**, a request received and a ' +
    'response sent (or the reverse). The run time has the price of the statistics in it, some 20 ns a run; the differences ' +
    `were taken without them. Coming to a hook and back, with an empty program on it, took ${signed(hit / 1000)} us.\n\n` +
    table(
      [
        ...['headers, bytes', 'exchange, both sides, us', 'again', 'run time, us', 'hits'],
        ...['**added: run time + hits**', 'added: difference of CPU', 'not watched: difference'],
      ],
      rows,
    );
  return {
    text,
    plots: { added: bars('Added to a request by skep, one side', 'us', added) },
    figures: Object.fromEntries(all),
  };
}

/** The median of all rounds, whatever was sent: an empty program does not look at it. */
function priceOfHit(all: readonly Taken[]): number {
  const each = all.flatMap(({ empty, nothing }) => empty.map((e, i) => (e.spent - nothing[i]!.spent) / HITS));
  return spread(each).median;
}

/** Runs and run time for one request on one side. */
function perSide(programs: NonNullable<Priced['programs']>, count: number): { runs: number; ns: number } {
  const { runs, ns } = onSockets(programs);
  return { runs: runs / count / 2, ns: ns / count / 2 };
}

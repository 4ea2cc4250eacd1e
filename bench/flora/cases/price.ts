/** The proof's first part: what is added, program by program, beside the price of coming to a hook at all. */
import { inTurn } from '../../lib/case.ts';
import { figures, spread } from '../../lib/statistics.ts';
import { agentName } from '../lib/agent.ts';
import type { Measured, Part } from '../lib/case.ts';
import { buildKeepalive } from '../lib/keepalive.ts';
import { bars } from '../lib/picture.ts';
import type { Place } from '../lib/place.ts';
import { buildEmpty, type Priced, price, type Way, ways } from '../lib/price.ts';
import { signed, table } from '../lib/tables.ts';

/** Bytes of a request's header, a response's header, a body. k6 sends 120, Go answers with 110. */
const shapes = [
  { request: 120, response: 110, body: 1024 },
  { request: 1024, response: 1024, body: 1024 },
];
/** Both ends of the exchange send once and receive once. */
const HITS = 4;

export const pricePart: Part = { name: 'price', title: 'What is added to a request', measure };

async function measure(place: Place): Promise<Measured> {
  const rounds = place.quick ? 2 : 5;
  const count = place.quick ? 20_000 : 50_000;
  const built = { keepalive: buildKeepalive(place.dir), empty: buildEmpty(place) };
  const rows: (string | number)[][] = [];
  const kept: Record<string, unknown> = {};
  const added: Record<string, ReturnType<typeof spread>> = {};
  for (const shape of shapes) {
    const name = `${shape.request} + ${shape.response}`;
    const taken: Record<Way, Priced[]> = {
      nothing: [],
      empty: [],
      watched: [],
      accounted: [],
      unwatched: [],
      again: [],
    };
    for (let round = 0; round < rounds; round++) {
      for (const way of inTurn(ways, round)) {
        taken[way].push(await price(place, way, 18_080, { ends: 'both', count, ...shape }, built));
      }
      console.log(`  price ${name}, round ${round + 1}/${rounds}`);
    }
    const ns = (way: Way): number => spread(taken[way].map((t) => t.spent)).median;
    const base = ns('nothing');
    const hit = (ns('empty') - base) / HITS;
    const runs = taken.accounted.map(({ programs }) => perSide(programs!, count));
    const run = spread(runs.map((r) => r.ns)).median;
    const side = run + r(runs) * Math.max(0, hit);
    rows.push([
      name,
      figures(base / 1000),
      signed((ns('again') - base) / 1000),
      signed(hit / 1000),
      figures(run / 1000),
      `**${figures(side / 1000)}**`,
      signed((ns('watched') - base) / 2000),
      signed((ns('unwatched') - base) / 2000),
    ]);
    added[`run time, ${name}`] = spread(runs.map((r) => r.ns / 1000));
    added[`difference, ${name}`] = spread(taken.watched.map((t) => (t.spent - base) / 2000));
    kept[name] = taken;
  }
  const text =
    `${agentName()}, one connection on loopback, bodies of 1 KiB, ${rounds} rounds of ${figures(count)} requests, medians. ` +
    'One thread is client and server; everything but the first two columns is for **one side**, a request received and a ' +
    'response sent (or the reverse). The run time has the price of the statistics in it, some 20 ns a run; the differences were taken without them.\n\n' +
    table(
      [
        ...['headers, bytes', 'exchange, both sides, us', 'again', 'price of a hit, us', 'run time, us'],
        ...['**added: run time + hits**', 'added: difference of CPU', 'not watched: difference'],
      ],
      rows,
    );
  return { text, plots: { added: bars('Added to a request by skep, one side', 'us', added) }, figures: kept };
}

/** The programs on sockets; those that tell the life of processes run in whoever starts or ends one. */
const ON_SOCKETS = /^(?:l7|http)_/;

/**
 * Runs and run time for one request on one side.
 * @throws Error when the kernel counted no runs: no figure is better than zero
 */
function perSide(programs: NonNullable<Priced['programs']>, count: number): { runs: number; ns: number } {
  const all = Object.entries(programs).flatMap(([name, ran]) => (ON_SOCKETS.test(name) ? [ran] : []));
  const sum = (of: (p: { runs: number; ns: number }) => number): number => all.reduce((s, p) => s + of(p), 0);
  const runs = sum((p) => p.runs) / count / 2;
  if (runs < 1)
    throw new Error(`the kernel tells of ${runs} runs a request of ${Object.keys(programs).join(', ')}`);
  return { runs, ns: sum((p) => p.ns) / count / 2 };
}

const r = (runs: readonly { runs: number }[]): number => spread(runs.map((r) => r.runs)).median;

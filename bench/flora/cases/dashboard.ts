/** A run as the dashboard shows it: a server under steady load, without skep, with it, without. */
import { setTimeout as pause } from 'node:timers/promises';
import { counted, countedExactly, startAgent } from '../lib/agent.ts';
import type { Measured, Part } from '../lib/case.ts';
import { drawPanel, show } from '../lib/dashboard.ts';
import { load } from '../lib/load.ts';
import { AGENT, CONTROL, type Place, VICTORIA } from '../lib/place.ts';
import { startServer, told } from '../lib/server.ts';
import { variantsOf } from '../lib/variants.ts';
import { startVictoria } from '../lib/victoria.ts';

const RATE = 500;

export const dashboard: Part = { name: 'dashboard', title: 'As the dashboard shows it', measure };

async function measure(place: Place): Promise<Measured> {
  const seconds = place.quick ? 15 : 40;
  const targets = [
    { job: 'server', address: CONTROL },
    { job: 'skep', address: AGENT },
  ];
  await using _victoria = await startVictoria(place.dir, VICTORIA, targets);
  await using server = await startServer(place, variantsOf('go')[0]!);
  const sending = { query: 'objects=5&tasks=10&gzip=0', rate: RATE, exported: true };
  const from = Date.now() / 1000;
  await load(place, { ...sending, seconds });
  {
    await using _agent = await startAgent(place, { pid: server.pid, port: 8080 });
    const [seen, { answered }] = [await counted(), await told()];
    await load(place, { ...sending, seconds });
    await countedExactly(seen, (await told()).answered - answered);
    await pause(2000);
  }
  await load(place, { ...sending, seconds });
  await pause(3000);
  const shown = await show(VICTORIA, from, Date.now() / 1000 - 1);
  const empty = shown.filter(({ panel, lines }) => lines.length < panel.targets.length);
  if (empty.length > 0) throw new Error(`no data in the panel "${empty[0]!.panel.title}"`);
  const text =
    `A Go server at ${RATE} requests/s for ${seconds} s each without skep, with it, and without it again, scraped by ` +
    'VictoriaMetrics each second; k6 wrote its own metrics there. The panels are those of ' +
    '[dashboards/flora.json](../dashboards/flora.json), by the same queries.';
  const plots = Object.fromEntries(shown.map((s) => [`panel-${s.panel.id}`, drawPanel(s)]));
  return {
    text,
    plots,
    figures: shown.map(({ panel, lines }) => ({ panel: panel.title, lines: lines.length })),
  };
}

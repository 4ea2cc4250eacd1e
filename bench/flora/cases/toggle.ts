/**
 * The proof's second part: skep on and off beside one server under one steady load, in neighbouring pairs, until the
 * confidence interval of the difference is narrower than the claim. An upper bound: it has in it whatever else differs.
 * The load is not k6: on two processors what k6 takes at one moment and not at the next moves the server's own CPU time.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { figures, spread } from '../../lib/statistics.ts';
import { agentName, startAgent, startSleeper } from '../lib/agent.ts';
import type { Measured, Part } from '../lib/case.ts';
import { confidence } from '../lib/confidence.ts';
import { bars } from '../lib/picture.ts';
import type { Place } from '../lib/place.ts';
import type { Running } from '../lib/process.ts';
import { startServer, told } from '../lib/server.ts';
import { startSteady } from '../lib/steady.ts';
import { table } from '../lib/tables.ts';
import { variantsOf } from '../lib/variants.ts';

/** The claim is 3 %, of CPU more or of throughput less; the interval's half width is to be below it. */
const CLAIM = 0.03;
const QUERY = 'objects=5&tasks=10&gzip=0';
/** Neighbouring windows are alike, the more the nearer they are. */
const WINDOW_MS = 1000;
const SETTLE_MS = 500;
/** Of so many pairs one is with the agent that sleeps. */
const A_A_EVERY = 4;

interface Toggle {
  readonly name: string;
  readonly title: string;
  /** Requests a second. */
  readonly rate: number;
  /** The server gets so many CPUs: less than the rate would take, so that it is never idle. */
  readonly cpus?: number;
}

export function toggle(t: Toggle): Part {
  return { name: t.name, title: t.title, measure: (place) => measure(place, t) };
}

async function measure(place: Place, { name, rate, cpus }: Toggle): Promise<Measured> {
  const seconds = place.quick ? 60 : 240 * place.rounds;
  await using server = await startServer(place, variantsOf('go')[0]!);
  await using _load = await startSteady(place, `/api?${QUERY}`, rate);
  await pause(2000);
  if (cpus) server.group.limit(cpus);
  const ratios: Record<'skep' | 'sleeper', number[]> = { skep: [], sleeper: [] };
  const added: number[] = [];
  const until = Date.now() + seconds * 1000;
  let enough = false;
  for (let pair = 0; Date.now() < until && !enough; pair++) {
    const what = pair % A_A_EVERY === A_A_EVERY - 1 ? 'sleeper' : 'skep';
    // Which comes first turns too, so that a drift cancels.
    const onFirst = (pair ^ Math.floor(pair / A_A_EVERY)) % 2 === 0;
    const off = onFirst ? undefined : await window(server);
    const on = await beside(place, what, server);
    const base = off ?? (await window(server));
    ratios[what].push(on / base);
    if (what === 'skep') added.push(on - base);
    enough = ratios.skep.length >= 12 && confidence(ratios.skep).half < CLAIM / 2;
    if (pair % 10 === 9)
      console.log(`  ${name}: ${pair + 1} pairs, +-${(confidence(ratios.skep).half * 100).toFixed(1)} %`);
  }
  const rows = (['skep', 'sleeper'] as const).map((what) => {
    const { mean, half } = confidence(ratios[what]);
    const { least, median, most } = spread(ratios[what]);
    return [
      what === 'skep' ? agentName() : 'A/A (sleeping agent)',
      ratios[what].length,
      `**${percent(mean - 1)} ± ${(half * 100).toFixed(1)} %**`,
      percent(median - 1),
      `${percent(least - 1)} to ${percent(most - 1)}`,
    ];
  });
  const us = confidence(added);
  const { half } = confidence(ratios.skep);
  if (cpus) server.group.limit(undefined);
  const load = cpus
    ? `${cpus} of a CPU, all of which it takes: as many requests as it answers`
    : `${figures(rate)} requests/s throughout`;
  const text =
    `${(await told()).runtime}, \`/api?${QUERY}\`, ${load} (load/steady.c); each pair is a window of ` +
    `${WINDOW_MS / 1000} s with and one without, which of them first turns. CPU of the server's own cgroup. Mean and 95 % ` +
    `confidence interval (Student's t) of on/off.${cpus ? ' What a server with a limit answers is that limit divided by its CPU a request.' : ''}\n\n` +
    table(['what', 'pairs', 'on/off', 'median', 'range'], rows) +
    `\n\nIn absolute terms skep added ${figures(us.mean)} ± ${figures(us.half)} us a request. ` +
    (half < CLAIM
      ? `The interval is narrower than the claim of 3 %.`
      : `**The interval is wider than the claim of 3 %: this run proves nothing about it.**`);
  const values = { skep: spread(ratios.skep), 'A/A: sleeps': spread(ratios.sleeper) };
  return {
    text,
    plots: { ratio: bars('Server CPU, on divided by off, by pair', 'ratio', values) },
    figures: { ratios, added },
  };
}

async function beside(place: Place, what: 'skep' | 'sleeper', server: Running): Promise<number> {
  await using _beside =
    what === 'skep' ? await startAgent(place, { pid: server.pid, port: 8080 }) : await startSleeper(place);
  return window(server);
}

/** CPU of the server, us a request, over one window; what a start or an end has left to do is over before it. */
async function window(server: Running): Promise<number> {
  await pause(SETTLE_MS);
  const before = await answered(server);
  await pause(WINDOW_MS);
  const after = await answered(server);
  return ((after.cpu - before.cpu) / (after.requests - before.requests)) * 1e6;
}

/** Both of one moment, and the server at work in it: with a limit it may stand still between any two. */
async function answered(server: Running): Promise<{ requests: number; cpu: number }> {
  const { answered: requests } = await told();
  return { requests, cpu: server.group.cpuSeconds() };
}

function percent(part: number): string {
  return `${part < 0 ? '' : '+'}${(part * 100).toFixed(1)} %`;
}

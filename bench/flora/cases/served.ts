/**
 * What the programs take beside a server at work: between two of its calls it does much, and a machine that waits does other
 * things, so that they run with cold caches. In a loop that does nothing else (`price`) they take a third of it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { enableStats } from '@skep/bpf';
import { inTurn } from '../../lib/case.ts';
import { figures, spread } from '../../lib/statistics.ts';
import { agentName, startAgent } from '../lib/agent.ts';
import type { Measured, Part } from '../lib/case.ts';
import { bars } from '../lib/picture.ts';
import type { Place } from '../lib/place.ts';
import { onSockets, programsBetween, programsOf } from '../lib/programs.ts';
import { startServer, told } from '../lib/server.ts';
import { startSteady } from '../lib/steady.ts';
import { table } from '../lib/tables.ts';
import { variantsOf } from '../lib/variants.ts';

const QUERY = 'objects=5&tasks=10&gzip=0';
const SECONDS = 5;
/** More than a server answers that has a processor to itself. */
const MOST = 20_000;

const loads = [
  { name: '2,000/s', rate: 2000 },
  { name: 'as many as it answers', rate: MOST },
  { name: 'the same, on a quarter of a CPU', rate: MOST, cpus: 0.25 },
];
type Load = (typeof loads)[number];

interface Taken {
  /** Microseconds a request: of the server's cgroup, within our programs. */
  readonly server: number;
  readonly programs: number;
  readonly runs: number;
}

export const served: Part = { name: 'served', title: 'What the programs take beside a server', measure };

async function measure(place: Place): Promise<Measured> {
  const { rounds } = place;
  const taken = loads.map(() => ({ watched: [] as Taken[], unwatched: [] as Taken[] }));
  for (let round = 0; round < rounds; round++) {
    for (const [i, load] of loads.entries())
      for (const way of inTurn(['watched', 'unwatched'] as const, round))
        taken[i]![way].push(await once(place, load, way === 'watched'));
    console.log(`  served, round ${round + 1}/${rounds}`);
  }
  const values: Record<string, ReturnType<typeof spread>> = {};
  const rows = loads.map(({ name }, i) => {
    const { watched, unwatched } = taken[i]!;
    const of = (all: readonly Taken[], value: (t: Taken) => number) => spread(all.map(value));
    const all = of(watched, (t) => t.programs);
    const none = of(unwatched, (t) => t.programs).median;
    const server = of(watched, (t) => t.server).median;
    values[name] = all;
    return [
      name,
      figures(server),
      figures(of(watched, (t) => t.runs).median),
      `${figures(all.median)} (${figures(all.least)} to ${figures(all.most)})`,
      figures(none),
      `**${figures(all.median - none)}**`,
      `${(((all.median - none) / server) * 100).toFixed(1)} to ${((all.median / server) * 100).toFixed(1)} %`,
    ];
  });
  const text =
    `${(await runtime(place)) ?? 'Go'}, \`/api?${QUERY}\`, load/steady.c, ${rounds} rounds of ${SECONDS} s, medians. ${agentName()} watches the ` +
    "server, or a process that sends nothing. By the kernel's statistics of our programs, their own price of some 20 ns a run in " +
    "it, for both ends of each request: the server's, and the load's, which is never watched. What is added to the server is the " +
    "difference and the server's part of what is spent on connections that are not watched.\n\n" +
    table(
      [
        ...[
          'load',
          'server CPU, us a request',
          'runs a request',
          'run time, us',
          'of it when nobody is watched',
        ],
        ...['**watching adds, us**', "of the server's CPU"],
      ],
      rows,
    );
  const plots = { us: bars('Run time of the programs beside a server, both ends', 'us a request', values) };
  return { text, plots, figures: Object.fromEntries(loads.map(({ name }, i) => [name, taken[i]])) };
}

async function runtime(place: Place): Promise<string | undefined> {
  await using _server = await startServer(place, variantsOf('go')[0]!);
  return (await told()).runtime;
}

async function once(place: Place, { rate, cpus }: Load, watched: boolean): Promise<Taken> {
  await using server = await startServer(place, variantsOf('go')[0]!);
  await using _load = await startSteady(place, `/api?${QUERY}`, rate);
  using _stats = enableStats();
  await using agent = await startAgent(place, { pid: watched ? server.pid : process.pid, port: 8080 });
  if (cpus) server.group.limit(cpus);
  await pause(1000);
  const look = async () => ({
    requests: (await told()).answered,
    cpu: server.group.cpuSeconds(),
    programs: programsOf(agent.pid),
  });
  const before = await look();
  await pause(SECONDS * 1000);
  const after = await look();
  if (cpus) server.group.limit(undefined);
  const requests = after.requests - before.requests;
  const { runs, ns } = onSockets(programsBetween(before.programs, after.programs));
  return {
    server: ((after.cpu - before.cpu) / requests) * 1e6,
    programs: ns / requests / 1000,
    runs: runs / requests,
  };
}

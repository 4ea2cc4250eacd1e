// bench/twins/guest.ts: the part of the case twins-6.1 that runs in the guest; /twins has what it needs.
import { GUEST, toolsOfGuest } from './guest-table.ts';
import { Actor, measure, median } from './measure.ts';
import { pairs } from './pairs.ts';

const ROUNDS = 2;
/** Node takes that long to come round to its buffers. */
const PAUSE_MS = 100;

// The second processor of the guest is the process's; Node keeps to the first.
await using actor = new Actor('/twins/deeds', ['taskset', '2'], PAUSE_MS);
for (const name of toolsOfGuest) {
  const pair = pairs.find(({ probe }) => probe === name)!;
  const { libbpf } = pair;
  if (typeof libbpf === 'string') throw new Error(`${name}: ${libbpf}`);
  const tools = [
    {
      name: 'skep',
      command: pair.skep,
      start: ['/skep/bin/skep', 'run', `/twins/${name}.o`, '-o', 'json', '--no-prom'],
    },
    { name: 'libbpf-tools', command: libbpf, start: [`/twins/${name}`] },
  ];
  const found = new Map<string, number[]>(tools.map((t) => [t.name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const t of round % 2 ? tools.toReversed() : tools) {
      const tool = {
        name: t.name,
        command: (w: Parameters<typeof t.command>[0]) => [...t.start, ...t.command(w)],
      };
      const cost = await measure(actor, { ...pair, count: pair.burst }, tool);
      found.get(t.name)!.push(cost.runTime);
    }
  }
  for (const [tool, values] of found) {
    console.log(`${GUEST}${JSON.stringify([`${name}: ${tool}`, median(values)])}`);
  }
}

/** What the agent itself takes while it exports spans: 200 a second, to the sink, by OTLP over HTTP. */
import { figures, spread } from '../../lib/statistics.ts';
import { agentName, countedExactly, hasAgent, startAgent } from '../lib/agent.ts';
import type { Measured, Part } from '../lib/case.ts';
import { buildKeepalive } from '../lib/keepalive.ts';
import { bars } from '../lib/picture.ts';
import type { Place } from '../lib/place.ts';
import { received, startSink } from '../lib/sink.ts';
import { openSource } from '../lib/source.ts';
import { SPANS_PER_SECOND, spanConfig } from '../lib/span-config.ts';
import { table } from '../lib/tables.ts';

const RATE = 2000;

export const spans: Part = { name: 'spans', title: 'The agent while it exports spans', measure };

async function measure(place: Place): Promise<Measured> {
  if (!hasAgent())
    return {
      text: 'Not measured: this checkout has no `skep agent`, and the probe alone exports no spans.',
      figures: null,
    };
  const { rounds } = place;
  const seconds = place.quick ? 8 : 20;
  const program = buildKeepalive(place.dir);
  const taken: { cpu: number; spans: number; memory: number }[] = [];
  await using _sink = await startSink(place);
  for (let round = 0; round < rounds; round++) {
    taken.push(await once(place, program, seconds));
    console.log(`  spans, round ${round + 1}/${rounds}: ${taken.at(-1)!.spans.toFixed(0)} spans/s`);
  }
  const [cpu, rate, memory] = [
    spread(taken.map((t) => t.cpu * 100)),
    spread(taken.map((t) => t.spans)),
    spread(taken.map((t) => t.memory)),
  ];
  const text =
    `${agentName()} with \`--otlp\`, ${figures(RATE)} requests/s over 100 routes, spans of each series at short intervals, so that its limit for a machine holds, ${SPANS_PER_SECOND} a ` +
    `second; ${rounds} times ${seconds} s after as much to warm up. CPU of the agent's own cgroup, export of metrics and ` +
    'spans in it; spans as the sink decoded them.\n\n' +
    table(
      ['spans/s at the sink', 'agent CPU, % of a core', 'range', 'agent MiB'],
      [
        [
          figures(rate.median),
          `**${figures(cpu.median)}**`,
          `${figures(cpu.least)} to ${figures(cpu.most)}`,
          figures(memory.median),
        ],
      ],
    );
  return {
    text,
    plots: {
      cpu: bars(`CPU of the agent, ${SPANS_PER_SECOND} spans/s exported`, '% of a core', { skep: cpu }),
    },
    figures: taken,
  };
}

async function once(place: Place, program: string, seconds: number) {
  await using source = await openSource(program, { rate: RATE, seconds, routes: 100 });
  const flags = ['--config', spanConfig(place)];
  await using agent = await startAgent(place, { pid: source.pid, otlp: 'http://127.0.0.1:4318', flags });
  await source.run();
  await countedExactly(0, source.count);
  const [before, cpu, began] = [(await received()).spans, agent.group.cpuSeconds(), performance.now()];
  await source.run();
  const took = (performance.now() - began) / 1000;
  const spent = (agent.group.cpuSeconds() - cpu) / took;
  await countedExactly(source.count, source.count);
  const { spans, broken } = await received();
  if (broken) throw new Error(`the sink could not decode ${broken} messages`);
  return { cpu: spent, spans: (spans - before) / took, memory: agent.rss() };
}

import { fixture } from '../../../../test/support/fixtures.ts';
import { type Agent, type AgentOptions, startAgent } from '../../src/index.ts';

/** Why a test of the agent can't run here, or false. */
export const skip: string | false = process.getuid?.() === 0 ? false : 'loads BPF: needs root';

const probe = (name: string) => new URL(`../../../../probes/${name}/${name}.c`, import.meta.url);

/** An agent that watches servers on these ports and their clients, and nothing else. */
export async function agentFor(
  ports: readonly number[],
  options: Partial<AgentOptions> = {},
): Promise<Agent> {
  const names = ['http-red', 'processes'];
  const objects = await Promise.all(
    names.map(async (name) => ({ name: `${name}.o`, bytes: await fixture(probe(name)) })),
  );
  return startAgent({ version: 'test', objects, watch: { port: ports.map(String) }, ...options });
}

/** A sample of /metrics. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads Prometheus' text: only what the agent writes. */
export function parseMetrics(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels, value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line)!;
      const pairs = [...(labels ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
      return {
        name: name!,
        labels: Object.fromEntries(pairs.map(([, k, v]) => [k, v])),
        value: Number(value),
      };
    });
}

export async function scrape(agent: Agent): Promise<{ text: string; samples: Sample[] }> {
  // Over a connection of its own: a starved machine would find the server's timer for one that is kept run out before it
  // reads what was asked on it.
  const response = await fetch(agent.status().listens.metrics!, { headers: { connection: 'close' } });
  const text = await response.text();
  return { text, samples: parseMetrics(text) };
}

/** The sum of the samples of a name that have these labels. */
export function sum(samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number {
  return samples
    .filter((s) => s.name === name && Object.entries(labels).every(([k, v]) => (s.labels[k] ?? '') === v))
    .reduce((total, s) => total + s.value, 0);
}

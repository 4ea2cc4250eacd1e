/**
 * The half of bee.ts that runs in the guest: runs each object with `skep run`, provokes its event, looks for it in the
 * JSON lines and in /metrics, once with skep's metric names and once with bee's. Prints a JSON object an example.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { BpfObject } from '@skep/bpf';
import { until } from '../../scripts/lib/services.ts';
import { type Example, examples, type Row } from './bee-examples.ts';
import { mountNfs } from './nfs-loopback.ts';

/** What became of one example. */
export interface Outcome {
  name: string;
  event: string;
  loaded: boolean;
  attached: boolean;
  /** What was seen of the event in the JSON lines, and in /metrics by its name; empty when nothing was. */
  seen: { json: string; skep: string; bee: string };
  error?: string;
}

if (!process.env.SKEP_GUEST) throw new Error('this is for a guest: node test/compat/bee.ts FOLDER');

const [objects = '/compat'] = process.argv.slice(2);
const NFS = '/mnt';
const METRICS = '127.0.0.1:9300';
mountNfs(NFS);

for (const example of examples(NFS)) {
  const file = `${objects}/${example.name}.o`;
  if (existsSync(file)) process.stdout.write(`@@bee ${JSON.stringify(await tryOut(example, file))}\n`);
}

async function tryOut(example: Example, file: string): Promise<Outcome> {
  const { name, event } = example;
  const seen = { json: '', skep: '', bee: '' };
  const outcome: Outcome = { name, event, loaded: false, attached: false, seen };
  try {
    await load(file);
    outcome.loaded = true;
    const ours = await watch(example, file, [], () => {
      outcome.attached = true;
    });
    const bees = await watch(example, file, ['--bee-metric-names']);
    if (members(ours) !== members(bees)) throw new Error('--bee-metric-names changed the JSON lines');
    seen.json = ours.last;
    const { metric, map } = example;
    if (!metric) return outcome;
    seen.skep = sample(ours, metric);
    seen.bee = sample(bees, `ebpf_solo_io_${map}`);
  } catch (error) {
    outcome.error = (error as Error).message;
  }
  return outcome;
}

/** The verifier's word alone: nothing is attached. */
async function load(file: string): Promise<void> {
  using object = BpfObject.open(readFileSync(file));
  await object.load();
}

interface Watched {
  found: Row[];
  /** The data of the last of them as it was printed: not every 64-bit number survives a parser. */
  last: string;
  metrics: string;
}

/** One `skep run` around one event. */
async function watch(
  example: Example,
  file: string,
  flags: string[],
  attached?: () => void,
): Promise<Watched> {
  const args = ['run', file, '-o', 'json', '--interval', '200ms', '--prom-listen', METRICS, ...flags];
  const skep = spawn('bin/skep', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(skep, 'exit');
  let complaint = '';
  skep.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const found = new Map<string, Row>();
  const others: string[] = [];
  let last = '';
  let records = 0;
  createInterface({ input: skep.stdout }).on('line', (line) => {
    const row = JSON.parse(line) as Row;
    if (row.map !== example.map || !example.isIt(row)) return void others.push(line);
    last = /"data":(.*)\}$/.exec(line)?.[1] ?? '';
    // A series comes again each time it changes; a record is one of its own.
    found.set(row.map.startsWith('print_') ? String(records++) : JSON.stringify(row.data), row);
  });
  try {
    await until('the probe to be attached', async () => {
      if (skep.exitCode !== null) throw new Error(complaint.trim());
      return (await scrape()) === undefined ? undefined : true;
    });
    attached?.();
    await example.provoke();
    await until('the data', () => (amount(found) >= example.atLeast ? true : undefined), 15_000).catch(() => {
      throw new Error(
        `the event was not seen; the last of ${others.length} other rows: ${others.slice(-3).join(' ')}`,
      );
    });
    return { found: [...found.values()], last, metrics: (await scrape()) ?? '' };
  } finally {
    if (skep.exitCode === null) skep.kill('SIGINT');
    await ended;
  }
}

/** Records, or what series count. */
function amount(found: Map<string, Row>): number {
  return [...found.values()].reduce((sum, row) => sum + Number(row.data.value ?? row.data.count ?? 1), 0);
}

async function scrape(): Promise<string | undefined> {
  try {
    const answer = await fetch(`http://${METRICS}/metrics`);
    const text = await answer.text();
    return answer.ok ? text : undefined; // 503 until the probe is attached
  } catch (error) {
    if ((error as { cause?: { code?: string } }).cause?.code === 'ECONNREFUSED') return undefined;
    throw error;
  }
}

function members({ found: [row] }: Watched): string {
  return Object.keys(row?.data ?? {}).join();
}

/** The sample of a metric that has the labels of what was found. */
function sample({ found, metrics }: Watched, name: string): string {
  const numbers = ['value', 'count', 'sum', 'buckets'];
  for (const { data } of found) {
    const labels = Object.entries(data).filter(([key]) => !numbers.includes(key));
    const line = metrics
      .split('\n')
      .find(
        (text) =>
          text.startsWith(name) &&
          !text.endsWith(' 0') &&
          labels.every(([key, value]) => text.includes(`${key}="${value}"`)),
      );
    if (line) return line;
  }
  throw new Error(`/metrics has no ${name} with the labels of the rows`);
}

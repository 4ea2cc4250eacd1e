/** Debian's VictoriaMetrics on loopback: scrapes server and skep, takes what k6 writes, answers PromQL. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { get, launch, type Running } from './process.ts';

export interface Target {
  readonly job: string;
  readonly address: string;
}

export interface Line {
  /** The series' labels, as text. */
  readonly labels: Readonly<Record<string, string>>;
  /** Time in seconds, value. */
  readonly points: readonly (readonly [number, number])[];
}

/**
 * Starts it on `address` with its data below `dir`. It answers by default as if the last 30 seconds had not been, so that
 * late samples do not change an answer; a benchmark's are not late.
 */
export function startVictoria(dir: string, address: string, targets: readonly Target[]): Promise<Running> {
  const data = join(dir, 'victoria');
  mkdirSync(data, { recursive: true });
  const scrape = targets.map(
    ({ job, address }) => `  - { job_name: ${job}, static_configs: [ { targets: [ '${address}' ] } ] }`,
  );
  const config = join(data, 'scrape.yml');
  writeFileSync(config, `global: { scrape_interval: 1s }\nscrape_configs:\n${scrape.join('\n')}\n`);
  const flags = [
    ...[`-httpListenAddr=${address}`, `-storageDataPath=${data}/data`, `-promscrape.config=${config}`],
    ...['-search.latencyOffset=1s', '-search.disableCache', '-loggerLevel=WARN'],
  ];
  return launch({
    name: 'victoria',
    command: ['victoria-metrics', ...flags],
    logs: dir,
    ready: () => get(`http://${address}/health`),
  });
}

/** A range of values of an expression, a second apart. @throws Error with what it says of a query that it refuses */
export async function queryRange(address: string, expr: string, from: number, to: number): Promise<Line[]> {
  const query = new URLSearchParams({ query: expr, start: String(from), end: String(to), step: '1s' });
  const answer = await fetch(`http://${address}/api/v1/query_range?${query}`);
  const body = (await answer.json()) as {
    status: string;
    error?: string;
    data?: { result: { metric: Record<string, string>; values: [number, string][] }[] };
  };
  if (body.status !== 'success' || !body.data)
    throw new Error(`VictoriaMetrics refused ${expr}: ${body.error}`);
  return body.data.result.map(({ metric, values }) => ({
    labels: metric,
    points: values.map(([t, v]) => [t, Number(v)] as const),
  }));
}

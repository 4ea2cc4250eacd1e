/** Load on the server, by k6 (load/k6.js). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withUs } from '../../lib/process.ts';
import { API, built, type Place, VICTORIA } from './place.ts';

export interface Load {
  /** The query of /api. */
  readonly query: string;
  /** Requests a second; undefined: `users` that wait for each answer. */
  readonly rate?: number;
  readonly seconds: number;
  readonly users?: number;
  /** Whether k6 writes its own metrics to VictoriaMetrics. */
  readonly exported?: boolean;
}

export interface Sent {
  readonly sent: number;
  readonly answered: number;
  readonly refused: number;
  /** Requests that k6 had no user free for: the rate was not reached. */
  readonly dropped: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly most: number;
  readonly seconds: number;
}

export interface Steady extends AsyncDisposable {
  /** What was sent, once it is over. */
  readonly sent: Promise<Sent>;
}

/** Load in the background; disposed of, k6 ends at once and `sent` is not told. */
export function startLoad(place: Place, wanted: Load): Steady {
  const ended = new AbortController();
  const sent = load(place, wanted, ended.signal);
  sent.catch(() => undefined); // told to who awaits it
  return {
    sent,
    async [Symbol.asyncDispose]() {
      ended.abort();
      await sent.catch(() => undefined);
    },
  };
}

/** @throws Error when k6 fails, or any request was not answered with 200 */
export async function load(
  place: Place,
  { query, rate, seconds, users = 100, exported }: Load,
  signal?: AbortSignal,
): Promise<Sent> {
  const summary = join(place.dir, 'k6.json');
  const output = exported ? ['--out', 'experimental-prometheus-rw'] : [];
  const script = join(import.meta.dirname, '../load/k6.js');
  const child = spawn(
    join(built, 'k6'),
    ['run', '--quiet', '--no-usage-report', '--address', '', ...output, script],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PATH: process.env.PATH,
        HOME: place.dir,
        URL: `http://${API}/api?${query}`,
        SUMMARY: summary,
        SECONDS: String(seconds),
        USERS: String(users),
        ...(rate === undefined ? { CLOSED: '1' } : { RATE: String(rate) }),
        K6_PROMETHEUS_RW_SERVER_URL: `http://${VICTORIA}/api/v1/write`,
        K6_PROMETHEUS_RW_TREND_STATS: 'p(50),p(95),p(99)',
        K6_PROMETHEUS_RW_PUSH_INTERVAL: '1s',
      },
    },
  );
  withUs(child);
  signal?.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`k6 ended with ${code}: ${errors.slice(-1000)}`);
  const sent = JSON.parse(readFileSync(summary, 'utf8')) as Sent;
  if (sent.answered !== sent.sent) {
    throw new Error(
      `${sent.sent - sent.answered} of ${sent.sent} requests were not answered: ${errors.slice(-500)}`,
    );
  }
  return sent;
}

// A Go server and a Go client, whose calls the kernel sees in another order than their messages: each request is paired with
// its own response all the same, also when the agent starts in the middle of it.
import { ok, strictEqual } from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { until } from '../../../test/support/until.ts';
import type { Agent } from '../src/index.ts';
import { requestFamilies } from '../src/metrics/requests.ts';
import { agentFor, skip as noRoot, parseMetrics, type Sample, sum } from './support/agent.ts';

const run = promisify(execFile);

/** Debian's comes with its library compiled, so that a program takes it a second. */
const places = ['/usr/lib/go-1.19/bin', ...(process.env.PATH ?? '').split(delimiter), '/usr/local/go/bin'];
const go = places.map((dir) => join(dir, 'go')).find((file) => existsSync(file));
const skip = noRoot || (go === undefined && 'needs go (Debian: golang-1.19-go)');

const COUNT = 3000;
const CONNECTIONS = 16;

const labelled = { server: 'http_route', client: 'url_template' } as const;
const SIDES = ['server', 'client'] as const;
const family = (side: string) => `http_${side}_request_duration_seconds`;

/** What an agent has counted to its end. */
async function counted(agent: Agent): Promise<Sample[]> {
  await agent.stop();
  return parseMetrics([...requestFamilies(agent.series, false)].join(''));
}

/** What took 20 ms was not counted as less, and what was answered at once mostly not as more. */
function paired(samples: readonly Sample[]): void {
  for (const side of SIDES) {
    const of = (path: string, what: string, more = {}) =>
      sum(samples, `${family(side)}_${what}`, { [labelled[side]]: path, ...more });
    ok(of('/slow', 'count') > 0, side);
    strictEqual(of('/slow', 'bucket', { le: '0.01' }), 0, side);
    ok(of('/fast', 'bucket', { le: '0.01' }) > of('/fast', 'count') / 2, side);
    const all = sum(samples, `${family(side)}_count`);
    strictEqual(sum(samples, `${family(side)}_count`, { error_type: '' }), all, `errors of the ${side}`);
  }
}

suite('Go', { skip, timeout: 120_000 }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-go-'));
  const program = join(dir, 'shop');
  // More threads than this machine has processors: their order is then often another.
  const env = (name: string) => ({ ...process.env, GOMAXPROCS: '8', OTEL_SERVICE_NAME: name });
  let server: ChildProcess;
  let lines: Interface;
  let port: string;

  before(async () => {
    const source = fileURLToPath(new URL('support/go/main.go', import.meta.url));
    await run(go!, ['build', '-o', program, source], {
      env: { ...process.env, CGO_ENABLED: '0', GO111MODULE: 'off', GOTOOLCHAIN: 'local' },
    });
    server = spawn(program, ['serve'], { env: env('go-server'), stdio: ['pipe', 'pipe', 'inherit'] });
    lines = createInterface(server.stdout!);
    [port] = (await once(lines, 'line')) as [string];
  });
  after(async () => {
    lines?.close();
    if (server?.kill('SIGKILL')) await once(server, 'exit');
    rmSync(dir, { recursive: true });
  });

  /** How many requests the server has been asked. */
  const asked = async (): Promise<number> => {
    server.stdin!.write('\n');
    const [line] = await once(lines, 'line');
    return Number(line);
  };
  /** Sends so many, or with 0 until its stdin is ended; returns how many, when all were rightly answered. */
  const send = (count: number) => {
    const words = ['send', port, String(count), String(CONNECTIONS)];
    const sending = run(program, words, { env: env('go-client') });
    const sent = sending.then(({ stdout }) => {
      const [sent, answered] = stdout.split(' ').map(Number);
      strictEqual(answered, sent);
      return sent!;
    });
    return { sent, end: () => sending.child.stdin!.end() };
  };

  test('every request is counted once at each end, with its own response', async () => {
    const agent = await agentFor([Number(port)]);
    try {
      strictEqual(await send(COUNT).sent, COUNT);
      strictEqual(await asked(), COUNT);
    } finally {
      await agent.stop();
    }
    const samples = await counted(agent);
    for (const side of SIDES) {
      const of = (labels: Record<string, string>) =>
        sum(samples, `${family(side)}_count`, { service_name: `go-${side}`, ...labels });
      strictEqual(of({}), COUNT, side);
      strictEqual(of({ http_response_status_code: '200' }), COUNT, side);
      strictEqual(of({ [labelled[side]]: '/slow' }), COUNT / 20, side);
    }
    paired(samples);
    for (const [reason, n] of Object.entries(agent.status().notCounted)) strictEqual(n, 0, reason);
  });

  test('an agent that starts in the middle of it takes no response for that of another request', async () => {
    const before = await asked();
    const load = send(0);
    await until(asked, (n) => n > before);
    const agent = await agentFor([Number(port)]);
    try {
      const attached = await asked();
      await until(asked, (n) => n > attached + COUNT);
      load.end();
      const sent = await load.sent;
      strictEqual(await asked(), before + sent);
    } finally {
      await agent.stop();
    }
    paired(await counted(agent));
    // Those that were under way when it began: one a connection, at each of its ends.
    const { alone, ...others } = agent.status().notCounted;
    ok(alone! <= 2 * CONNECTIONS, `${alone}`);
    for (const [reason, n] of Object.entries(others)) strictEqual(n, 0, reason);
  });
});

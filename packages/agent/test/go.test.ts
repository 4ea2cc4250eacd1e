// A Go server and a Go client, whose calls the kernel sees in another order than their messages: each request is paired with
// its own response all the same.
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
import type { Agent } from '../src/index.ts';
import { agentFor, skip as noRoot, type Sample, scrape, sum, until } from './support/agent.ts';

const run = promisify(execFile);

/** Debian's comes with its library compiled, so that a program takes it a second. */
const places = ['/usr/lib/go-1.19/bin', ...(process.env.PATH ?? '').split(delimiter), '/usr/local/go/bin'];
const go = places.map((dir) => join(dir, 'go')).find((file) => existsSync(file));
const skip = noRoot || (go === undefined && 'needs go (Debian: golang-1.19-go)');

const COUNT = 6000;
const SLOW = COUNT / 20;
const CONNECTIONS = 16;

suite('Go', { skip, timeout: 120_000 }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-go-'));
  const program = join(dir, 'shop');
  let server: ChildProcess;
  let lines: Interface;
  let agent: Agent;
  let samples: Sample[];

  before(async () => {
    const source = fileURLToPath(new URL('support/go/main.go', import.meta.url));
    await run(go!, ['build', '-o', program, source], {
      env: { ...process.env, CGO_ENABLED: '0', GO111MODULE: 'off', GOTOOLCHAIN: 'local' },
    });
    // More threads than this machine has processors: their order is then often another.
    const env = { ...process.env, GOMAXPROCS: '8' };
    server = spawn(program, ['serve'], {
      env: { ...env, OTEL_SERVICE_NAME: 'go-server' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    lines = createInterface(server.stdout!);
    const [port] = await once(lines, 'line');
    agent = await agentFor([port], { prom: { port: 0 } });
    const { stdout } = await run(program, ['send', port, String(COUNT), String(CONNECTIONS)], {
      env: { ...env, OTEL_SERVICE_NAME: 'go-client' },
    });
    strictEqual(Number(stdout), COUNT);
    const found = await until(
      () => scrape(agent),
      (s) => ['server', 'client'].every((side) => sum(s.samples, `${name(side)}_count`) >= COUNT),
    );
    ({ samples } = found);
  });
  after(async () => {
    await agent?.stop();
    lines?.close();
    if (server?.kill('SIGKILL')) await once(server, 'exit');
    rmSync(dir, { recursive: true });
  });

  const name = (side: string) => `http_${side}_request_duration_seconds`;

  test('every request is counted once at each end, and none failed', async () => {
    server.stdin!.write('\n');
    const [asked] = await once(lines, 'line');
    strictEqual(Number(asked), COUNT);
    for (const side of ['server', 'client']) {
      const of = (labels: Record<string, string>) =>
        sum(samples, `${name(side)}_count`, { service_name: `go-${side}`, ...labels });
      strictEqual(of({}), COUNT, side);
      strictEqual(of({ http_response_status_code: '200', error_type: '' }), COUNT, side);
    }
    const { notCounted } = agent.status();
    for (const [reason, n] of Object.entries(notCounted)) strictEqual(n, 0, reason);
  });

  test('each response is that of its own request', () => {
    for (const side of ['server', 'client']) {
      const route = side === 'server' ? 'http_route' : 'url_template';
      const of = (path: string, what: string, more = {}) =>
        sum(samples, `${name(side)}_${what}`, { [route]: path, ...more });
      strictEqual(of('/slow', 'count'), SLOW, side);
      // The handler waits 20 ms. The client's clock begins behind its call: a little may be missing there.
      strictEqual(of('/slow', 'bucket', { le: '0.01' }), 0, side);
      ok(of('/fast', 'bucket', { le: '0.01' }) > (COUNT - SLOW) / 2, side);
    }
  });
});

/**
 * A registry and a Prometheus of our own, on free loopback ports, from Debian's packages, for the demo, the workshop
 * and the tests. Each ends with its scope: `using registry = await startRegistry(dir)`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface Service extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** What it has printed, for a failing test. */
  log(): string;
  stop(): Promise<void>;
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts Debian's docker-registry with its data in `dir`. */
export async function startRegistry(dir: string): Promise<Service> {
  const address = `127.0.0.1:${await freePort()}`;
  mkdirSync(dir, { recursive: true });
  const config = join(dir, 'registry.yml');
  writeFileSync(
    config,
    [
      'version: 0.1',
      'log: { level: warn }',
      `storage: { filesystem: { rootdirectory: ${join(dir, 'data')} }, delete: { enabled: true } }`,
      `http: { addr: ${address} }`,
    ].join('\n'),
  );
  return start('docker-registry', ['serve', config], dir, address, '/v2/');
}

/** Starts Debian's Prometheus, which scrapes `targets` (`host:port`), once a second unless said, and keeps its data in `dir`. */
export async function startPrometheus(
  dir: string,
  targets: readonly string[],
  interval = '1s',
): Promise<Service> {
  const address = `127.0.0.1:${await freePort()}`;
  mkdirSync(dir, { recursive: true });
  const config = join(dir, 'prometheus.yml');
  const list = targets.map((target) => `"${target}"`).join(', ');
  writeFileSync(
    config,
    [
      `global: { scrape_interval: ${interval} }`,
      `scrape_configs: [ { job_name: skep, static_configs: [ { targets: [ ${list} ] } ] } ]`,
    ].join('\n'),
  );
  const args = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(dir, 'tsdb')}`,
    `--web.listen-address=${address}`,
    '--log.level=warn',
  ];
  return start('prometheus', args, dir, address, '/-/ready');
}

/** An instant query; the samples of its answer. */
export async function queryPrometheus(
  address: string,
  query: string,
): Promise<{ metric: Record<string, string>; value: number }[]> {
  const answer = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(query)}`);
  const body = (await answer.json()) as {
    status: string;
    error?: string;
    data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  if (body.status !== 'success' || !body.data) throw new Error(`Prometheus refused ${query}: ${body.error}`);
  return body.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
}

/** Asks again, ten times a second, until `probe` answers something or the time is up. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  ms = 60_000,
): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > end) throw new Error(`waited ${ms / 1000} s in vain for ${what}`);
    await delay(100);
  }
}

async function start(
  program: string,
  args: string[],
  dir: string,
  address: string,
  readyPath: string,
): Promise<Service> {
  const logFile = join(dir, `${program}.log`);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const out = createWriteStream(logFile);
  child.stdout.pipe(out, { end: false });
  child.stderr.pipe(out, { end: false });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error) => reject(new Error(`${program} did not start: ${error.message}`)));
    child.once('exit', (code) =>
      reject(new Error(`${program} ended with ${code}:\n${readFileSync(logFile, 'utf8')}`)),
    );
  });
  failed.catch(() => undefined); // an end after the start is not our failure: stop() causes one
  // A service that outlives a killed parent would hold its port for ever.
  const onExit = (): void => void child.kill('SIGKILL');
  process.once('exit', onExit);
  // A busy machine takes seconds to start a program; one that ends says so at once.
  await Promise.race([failed, until(`${program} on ${address}`, () => answers(address, readyPath))]);
  const stop = async (): Promise<void> => {
    process.off('exit', onExit);
    await end(child);
    out.end();
  };
  return { address, log: () => readFileSync(logFile, 'utf8'), stop, [Symbol.asyncDispose]: stop };
}

async function answers(address: string, path: string): Promise<true | undefined> {
  try {
    const answer = await fetch(`http://${address}${path}`);
    await answer.arrayBuffer();
    return answer.ok || undefined;
  } catch (error) {
    if ((error as { cause?: { code?: string } }).cause?.code === 'ECONNREFUSED') return undefined;
    throw error;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(timer);
}

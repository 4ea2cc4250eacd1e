/**
 * Receivers of OTLP: one of our own, that does wrong what it is told to, and rotel, which is real. What was sent is read by
 * OpenTelemetry's own protobuf definitions (scripts/otlp-tools.txt).
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { freePort } from './free-port.ts';

const root = join(import.meta.dirname, '../..');

/** A request as it came. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Unzipped. */
  readonly body: Buffer;
  /** Bytes as they came. */
  readonly length: number;
  /** performance.now() */
  readonly at: number;
}

/** Answers a request, or does not. `n` counts from 0. */
export type Behaviour = (request: Received, response: ServerResponse, n: number) => void;

/** What a receiver answers that took everything. */
export const take: Behaviour = (_, response) => void response.end();

/** A receiver on a free port of loopback, which keeps what it got. */
export class OtlpReceiver implements AsyncDisposable {
  readonly requests: Received[] = [];
  behave: Behaviour;
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();

  private constructor(behave: Behaviour, server: Server) {
    this.behave = behave;
    this.#server = server;
    server.on('request', (request, response) => this.#take(request, response));
  }

  static async start(behave: Behaviour = take, server: Server = createServer()): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver(behave, server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resolves once `enough` says so of what came; asked after each request. */
  async until(enough: (requests: readonly Received[]) => boolean): Promise<void> {
    while (!enough(this.requests)) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  /** The same for what takes a look inside: asked again whenever something came since it was asked. */
  async untilRead(enough: () => Promise<boolean>): Promise<void> {
    for (;;) {
      const had = this.requests.length;
      if (await enough()) return;
      await this.until((all) => all.length > had);
    }
  }

  of(signal: 'traces' | 'metrics' | 'logs'): Received[] {
    return this.requests.filter((r) => r.path === `/v1/${signal}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A client that gives up in the middle is part of some tests; what it sent is not kept.
    request.on('error', () => undefined);
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      const received: Received = {
        path: request.url ?? '',
        headers: request.headers,
        body: request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw,
        length: raw.length,
        at: performance.now(),
      };
      this.requests.push(received);
      this.behave(received, response, this.requests.length - 1);
      for (const wake of this.#waiting) wake();
      this.#waiting.clear();
    });
  }
}

/** OTLP's JSON; ids in hexadecimal, 64-bit integers as text. */
// biome-ignore lint/suspicious/noExplicitAny: a tree whose shape each test knows
export type Decoded = any;

/** Export requests as OpenTelemetry's own definitions read them; fails when they do not. */
export async function decoded(requests: readonly Received[]): Promise<Decoded[]> {
  const input = requests.map(({ path, headers, body }) => {
    const encoding = headers['content-type'] === 'application/json' ? 'json' : 'protobuf';
    return `${path.replace('/v1/', '')} ${encoding} ${body.toString('base64')}\n`;
  });
  const env = { ...process.env, PYTHONPATH: otlpTools() };
  const child = execFile(
    '/usr/bin/python3',
    [join(import.meta.dirname, 'otlp-decode.py')],
    { env, maxBuffer: 1 << 28 },
    () => undefined,
  );
  let [out, errors] = ['', ''];
  child.stdout!.on('data', (text: string) => {
    out += text;
  });
  child.stderr!.on('data', (text: string) => {
    errors += text;
  });
  child.stdin!.end(input.join(''));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`not OTLP: ${errors}`);
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

let tools: string | undefined;

/** The folder of what scripts/otlp-tools.txt names. */
export function otlpTools(): string {
  tools ??= execFileSync('sh', [join(root, 'scripts/otlp-tools.sh')], { encoding: 'utf8' }).trim();
  return tools;
}

/** rotel on a free port, which sends on to `to` what it takes. */
export class Rotel implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  /** One that outlives a test which was ended would hold its ports for ever. */
  readonly #onExit = (): void => void this.#child.kill('SIGKILL');
  #log = '';

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
    process.once('exit', this.#onExit);
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (text) => {
        this.#log += text;
      });
  }

  static async start(to: string, dir: string): Promise<Rotel> {
    const [http, grpc] = [await freePort(), await freePort()];
    const args = [
      'start',
      ...['--otlp-http-endpoint', `127.0.0.1:${http}`, '--otlp-grpc-endpoint', `127.0.0.1:${grpc}`],
      ...['--exporter', 'otlp', '--otlp-exporter-endpoint', to, '--otlp-exporter-protocol', 'http'],
      ...[
        '--batch-timeout',
        '20ms',
        '--pid-file',
        join(dir, 'rotel.pid'),
        '--log-file',
        join(dir, 'rotel.log'),
      ],
    ];
    const child = spawn(join(otlpTools(), 'rotel/rotel-agent'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const rotel = new Rotel(`http://127.0.0.1:${http}`, child);
    // It says that it starts before it listens, and nothing when it does.
    for (let tries = 0; ; tries++) {
      if (child.exitCode !== null || tries > 200) throw new Error(`rotel did not start: ${rotel.#log}`);
      const up = await fetch(`${rotel.url}/v1/traces`).then(
        () => true,
        () => false,
      );
      if (up) return rotel;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  log(): string {
    return this.#log;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#onExit);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

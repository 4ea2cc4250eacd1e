import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { RuntimeError } from '../errors.ts';

/** Where to listen. */
export interface ListenAt {
  /** Loopback unless said. */
  readonly host?: string;
  /** 0 for any free one. */
  readonly port: number;
}

/** Makes the text of /metrics, with everything read anew, in pieces; undefined when nothing runs yet. */
export type Exposition = (openMetrics: boolean) => AsyncIterable<string> | undefined;

export interface EndpointOptions extends ListenAt {
  /** Who answers: what `/` says. */
  readonly name: string;
  readonly exposition: Exposition;
  /** Whether everything is attached. */
  readonly ready: () => boolean;
  /** Whether OpenMetrics may be had, which it may unless said; else only Prometheus' text. */
  readonly openMetrics?: () => boolean;
}

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
/** Characters between two turns of the event loop. */
const PIECE = 64 * 1024;
const AGAIN = { 'Retry-After': '1' };
/** Answers under way: each holds what nobody has read yet. */
const MOST_ANSWERS = 40;
/** Connections at once: each has a descriptor, and 10 KiB, also of who asks nothing. */
const MOST_CONNECTIONS = 512;
/** Who neither reads nor says anything for so long is hung up on. */
const STUCK_MS = 60_000;

/**
 * Serves `/metrics` as Prometheus' text or OpenMetrics, whichever is asked for, and `/healthz`: 200 once everything is attached,
 * 503 before.
 *
 * ```ts
 * const endpoint = await MetricsEndpoint.listen({ port: 9091, name: 'skep', exposition, ready: () => true });
 * console.log(endpoint.url);
 * ```
 */
export class MetricsEndpoint {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly #options: EndpointOptions;
  readonly #server: Server;
  #answers = 0;

  private constructor(server: Server, host: string, options: EndpointOptions) {
    this.#server = server;
    this.#options = options;
    this.host = host;
    this.port = (server.address() as { port: number }).port;
    this.url = `http://${host.includes(':') ? `[${host}]` : host}:${this.port}/metrics`;
  }

  /** @throws RuntimeError SKEP_PORT_IN_USE, SKEP_LISTEN when the address cannot be had */
  static async listen(options: EndpointOptions): Promise<MetricsEndpoint> {
    const { host = '127.0.0.1', port } = options;
    // Loaded here: a run without /metrics need not wait for it. Not by import(), which reads every export of the
    // module, `WebSocket` among them, and so loads all of fetch: 35 ms instead of 3.
    const { createServer } = process.getBuiltinModule('node:http');
    let endpoint: MetricsEndpoint | undefined;
    const server = createServer((request, response) => void endpoint?.answer(request, response));
    server.timeout = STUCK_MS;
    server.maxConnections = MOST_CONNECTIONS;
    let at = host;
    try {
      await listening(server, host, port).catch((error: NodeJS.ErrnoException) => {
        // Every interface of a machine that was booted without IPv6.
        if (host !== '::' || error.code !== 'EAFNOSUPPORT') throw error;
        at = '0.0.0.0';
        return listening(server, at, port);
      });
    } catch (error) {
      throw refusal(error as NodeJS.ErrnoException, host, port);
    }
    endpoint = new MetricsEndpoint(server, at, options);
    return endpoint;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** @internal */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { name, ready, exposition } = this.#options;
    const path = (request.url ?? '/').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return plain(request, response, 405, 'Only GET and HEAD.\n', { Allow: 'GET, HEAD' });
    if (path === '/') return plain(request, response, 200, `${name}: metrics are at /metrics\n`);
    // For who looks whether the process is well: systemd, Kubernetes.
    if (path === '/healthz')
      return ready()
        ? plain(request, response, 200, 'ok\n')
        : plain(request, response, 503, 'Not everything is attached yet.\n', AGAIN);
    if (path !== '/metrics') return plain(request, response, 404, 'Not found. Metrics are at /metrics\n');
    if (this.#answers >= MOST_ANSWERS)
      return plain(request, response, 503, `${MOST_ANSWERS} are answered already.\n`, AGAIN);
    this.#answers++;
    response.once('close', () => {
      this.#answers--;
    });
    const openMetrics = wantsOpenMetrics(request.headers.accept) && (this.#options.openMetrics?.() ?? true);
    const text = exposition(openMetrics);
    if (!text) return plain(request, response, 503, 'Nothing runs yet.\n', AGAIN);
    const pieces = piecesOf(text);
    let begun: IteratorResult<Buffer>[];
    try {
      begun = [await pieces.next(), await pieces.next()];
    } catch (error) {
      // Whoever runs it ends of it with the next tick, and says so where it can be seen.
      return plain(request, response, 500, `The counts cannot be read: ${(error as Error).message}\n`);
    }
    const zip = takesGzip(String(request.headers['accept-encoding'] ?? ''));
    const headers: Record<string, string> = {
      'Content-Type': openMetrics ? OPEN_METRICS : TEXT,
      Vary: 'Accept, Accept-Encoding',
    };
    if (zip) headers['Content-Encoding'] = 'gzip';
    const [whole, more] = begun;
    if (more!.done) return one(request, response, whole!.value ?? Buffer.alloc(0), zip, headers);
    return several(request, response, after(begun, pieces), zip, headers);
  }
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen({ host, port }, resolve);
  });
}

/** A body that is there: its length can be said. */
async function one(
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  zip: boolean,
  headers: Record<string, string>,
): Promise<void> {
  const zipped = zip ? await promisify(process.getBuiltinModule('node:zlib').gzip)(body, { level: 1 }) : body;
  send(request, response, 200, zipped, headers);
}

/** A body that is made while it is sent. */
async function several(
  request: IncomingMessage,
  response: ServerResponse,
  pieces: AsyncIterable<Buffer>,
  zip: boolean,
  headers: Record<string, string>,
): Promise<void> {
  response.writeHead(200, headers);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const { Readable, promises } = process.getBuiltinModule('node:stream');
  const gzip = zip ? [process.getBuiltinModule('node:zlib').createGzip({ level: 1 })] : [];
  // Whoever hangs up, or a fault on the way, ends the connection: half an answer is none.
  await promises
    .pipeline([Readable.from(pieces, { objectMode: false }), ...gzip, response])
    .catch(() => response.destroy());
}

/** Never all at once: of a thousand services it is ten megabytes. */
async function* piecesOf(text: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let piece = '';
  for await (const part of text) {
    piece += part;
    if (piece.length < PIECE) continue;
    yield Buffer.from(piece);
    piece = '';
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (piece !== '') yield Buffer.from(piece);
}

async function* after<T>(begun: readonly IteratorResult<T>[], rest: AsyncIterable<T>): AsyncGenerator<T> {
  for (const { value, done } of begun) if (!done) yield value;
  yield* rest;
}

/** Whether gzip is among the codings that are accepted, and not as one that is none: `gzip;q=0`. */
function takesGzip(accept: string): boolean {
  return accept
    .toLowerCase()
    .split(',')
    .map((part) => part.split(';').map((p) => p.trim()))
    .some(([coding, q]) => (coding === 'gzip' || coding === 'x-gzip') && !/^q=0(\.0*)?$/.test(q ?? ''));
}

/** OpenMetrics when it is accepted at least as gladly as plain text. */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  if (!accept) return false;
  let open = 0;
  let text = 0;
  for (const part of accept.split(',')) {
    const [type = '', ...params] = part.split(';').map((p) => p.trim().toLowerCase());
    const q = Number(params.find((p) => p.startsWith('q='))?.slice(2) ?? 1);
    const version = params.find((p) => p.startsWith('version='))?.slice('version='.length);
    if (
      type === 'application/openmetrics-text' &&
      (version === undefined || /^(1\.0\.0|0\.0\.1)$/.test(version))
    )
      open = Math.max(open, q);
    if (type === 'text/plain' || type === 'text/*') text = Math.max(text, q);
  }
  return open > 0 && open >= text;
}

function plain(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  send(request, response, status, Buffer.from(text), {
    'Content-Type': 'text/plain; charset=utf-8',
    ...headers,
  });
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: Buffer,
  headers: Record<string, string>,
): void {
  response.writeHead(status, { ...headers, 'Content-Length': String(body.length) });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function refusal(error: NodeJS.ErrnoException, host: string, port: number): RuntimeError {
  if (error.code === 'EADDRINUSE') {
    return new RuntimeError(
      'SKEP_PORT_IN_USE',
      `${host}:${port} is taken by another program`,
      'Choose another address with --prom-listen, or :0 for any free port.',
      error,
    );
  }
  return new RuntimeError(
    'SKEP_LISTEN',
    `${host}:${port} cannot be listened on (${error.message})`,
    'Choose an address of this machine with --prom-listen.',
    error,
  );
}

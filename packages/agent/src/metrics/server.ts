import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { AgentError } from '../errors.ts';

export interface ListenAt {
  /** Loopback unless said. */
  readonly host?: string;
  readonly port: number;
}

/** Makes the text of /metrics in pieces, with everything read anew. */
export type Exposition = (openMetrics: boolean) => AsyncIterable<string> | Promise<Iterable<string>>;

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
/** Characters between two turns of the event loop. */
const PIECE = 64 * 1024;

/** Serves the agent's `/metrics`. */
export class AgentMetrics {
  readonly #exposition: Exposition;
  readonly #server: Server;
  readonly url: string;

  private constructor(server: Server, url: string, exposition: Exposition) {
    this.#server = server;
    this.url = url;
    this.#exposition = exposition;
  }

  /** @throws AgentError SKEP_AGENT_SOCKET when the address cannot be had */
  static async listen({ host = '127.0.0.1', port }: ListenAt, exposition: Exposition): Promise<AgentMetrics> {
    const { createServer } = process.getBuiltinModule('node:http');
    let metrics: AgentMetrics | undefined;
    const server = createServer((request, response) => void metrics?.answer(request, response));
    try {
      await new Promise<void>((resolve, reject) =>
        server.once('error', reject).listen({ host, port }, resolve),
      );
    } catch (error) {
      throw new AgentError(
        'SKEP_AGENT_SOCKET',
        `${host}:${port} cannot be listened on (${(error as Error).message})`,
        'Choose another address with --prom-listen, or :0 for any free port.',
        error,
      );
    }
    const at = server.address() as { port: number };
    const shown = host.includes(':') ? `[${host}]` : host;
    metrics = new AgentMetrics(server, `http://${shown}:${at.port}/metrics`, exposition);
    return metrics;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return plain(request, response, 405, 'Only GET and HEAD.\n', { Allow: 'GET, HEAD' });
    if (path === '/') return plain(request, response, 200, 'skep agent: metrics are at /metrics\n');
    if (path !== '/metrics') return plain(request, response, 404, 'Not found. Metrics are at /metrics\n');
    const openMetrics = wantsOpenMetrics(request.headers.accept);
    const pieces = this.#pieces(openMetrics);
    let first: IteratorResult<Buffer>;
    try {
      first = await pieces.next();
    } catch (error) {
      return plain(request, response, 500, `The counts cannot be read: ${(error as Error).message}\n`);
    }
    const zipped = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    response.writeHead(200, {
      'Content-Type': openMetrics ? OPEN_METRICS : TEXT,
      Vary: 'Accept, Accept-Encoding',
      ...(zipped ? { 'Content-Encoding': 'gzip' } : {}),
    });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const { Readable, promises } = process.getBuiltinModule('node:stream');
    const body = Readable.from(begun(first, pieces), { objectMode: false });
    const gzip = zipped ? [process.getBuiltinModule('node:zlib').createGzip({ level: 1 })] : [];
    // Whoever hangs up, or a fault on the way, ends the connection: half an answer is none.
    await promises.pipeline([body, ...gzip, response]).catch(() => response.destroy());
  }

  /** Never all at once: of a thousand services it is ten megabytes. */
  async *#pieces(openMetrics: boolean): AsyncGenerator<Buffer> {
    let piece = '';
    for await (const text of await this.#exposition(openMetrics)) {
      piece += text;
      if (piece.length < PIECE) continue;
      yield Buffer.from(piece);
      piece = '';
      await new Promise((resolve) => setImmediate(resolve));
    }
    yield Buffer.from(openMetrics ? `${piece}# EOF\n` : piece);
  }
}

async function* begun<T>(first: IteratorResult<T>, rest: AsyncIterable<T>): AsyncGenerator<T> {
  if (!first.done) yield first.value;
  yield* rest;
}

/** OpenMetrics when it is accepted at least as gladly as plain text. */
function wantsOpenMetrics(accept: string | undefined): boolean {
  const quality = (type: RegExp): number =>
    Math.max(
      0,
      ...(accept ?? '')
        .toLowerCase()
        .split(',')
        .filter((part) => type.test(part))
        .map((part) => Number(/;\s*q=([\d.]+)/.exec(part)?.[1] ?? 1)),
    );
  const open = quality(/^\s*application\/openmetrics-text(?!.*version=(?!1\.0\.0|0\.0\.1))/);
  return open > 0 && open >= quality(/^\s*text\/(plain|\*)/);
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

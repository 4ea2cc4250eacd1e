import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { RuntimeError } from '../errors.ts';
import type { Run, Sink } from '../types.ts';
import { prometheusText } from './text.ts';

export interface MetricsServerOptions {
  /** Loopback unless said. */
  host?: string;
  /** 9091 unless said; 0 for any free one. */
  port?: number;
  /** Somebody asked for this address: it must be free. Otherwise an occupied one only means no /metrics. */
  required?: boolean;
  beeNames?: boolean;
}

/** Whether /metrics is served, and where or why not. */
export type MetricsStatus =
  | { readonly listening: true; readonly host: string; readonly port: number; readonly url: string }
  | { readonly listening: false; readonly reason: string };

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/**
 * Serves `/metrics` while a run lasts, and `/healthz`: 200 once everything is attached, 503 before.
 *
 * ```ts
 * const metrics = new MetricsServer({ port: 9091, required: true });
 * await startRun({ name, objects, sinks: [metrics] });
 * if (metrics.status.listening) console.log(metrics.status.url);
 * ```
 */
export class MetricsServer implements Sink {
  readonly name = 'metrics';
  status: MetricsStatus = { listening: false, reason: 'not started' };
  readonly #options: Required<MetricsServerOptions>;
  #server: Server | undefined;
  #run: Run | undefined;
  #attached = false;

  constructor(options: MetricsServerOptions = {}) {
    this.#options = {
      host: options.host ?? '127.0.0.1',
      port: options.port ?? 9091,
      required: options.required ?? false,
      beeNames: options.beeNames ?? false,
    };
  }

  /**
   * Takes the address.
   *
   * @throws RuntimeError SKEP_PORT_IN_USE, SKEP_LISTEN when a required address cannot be had
   */
  async prepare(): Promise<void> {
    // Loaded here: a run without /metrics need not wait for it. Not by import(), which reads every export of the
    // module, `WebSocket` among them, and so loads all of fetch: 35 ms instead of 3.
    const { createServer } = process.getBuiltinModule('node:http');
    const server = createServer((request, response) => void this.#answer(request, response));
    const { host, port, required } = this.#options;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port }, resolve);
      });
    } catch (error) {
      const reason = refusal(error as NodeJS.ErrnoException, host, port);
      if (required) throw reason;
      this.status = { listening: false, reason: reason.message };
      return;
    }
    this.#server = server;
    const at = server.address() as { port: number };
    const shown = host.includes(':') ? `[${host}]` : host;
    this.status = { listening: true, host, port: at.port, url: `http://${shown}:${at.port}/metrics` };
  }

  start(run: Run): void {
    this.#run = run;
  }

  attached(): void {
    this.#attached = true;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#run = undefined;
    if (!server) return;
    this.status = { listening: false, reason: 'stopped' };
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return plain(request, response, 405, 'Only GET and HEAD.\n', { Allow: 'GET, HEAD' });
    if (path === '/') return plain(request, response, 200, 'skep: metrics are at /metrics\n');
    // For who looks whether the process is well: systemd, Kubernetes.
    if (path === '/healthz')
      return this.#attached
        ? plain(request, response, 200, 'ok\n')
        : plain(request, response, 503, 'The probe is not attached yet.\n', { 'Retry-After': '1' });
    if (path !== '/metrics') return plain(request, response, 404, 'Not found. Metrics are at /metrics\n');
    const run = this.#run;
    if (!run) return plain(request, response, 503, 'The probe is not running yet.\n', { 'Retry-After': '1' });
    const { beeNames } = this.#options;
    const openMetrics = !beeNames && wantsOpenMetrics(request.headers.accept);
    let body: Buffer;
    try {
      body = Buffer.from(await prometheusText(run, { openMetrics, beeNames }));
    } catch (error) {
      // The run ends of it with the next tick, and says so where it can be seen.
      return plain(request, response, 500, `The probe's maps cannot be read: ${(error as Error).message}\n`);
    }
    const headers: Record<string, string> = {
      'Content-Type': openMetrics ? OPEN_METRICS : TEXT,
      Vary: 'Accept, Accept-Encoding',
    };
    if (/\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))) {
      body = await promisify(process.getBuiltinModule('node:zlib').gzip)(body, { level: 1 });
      headers['Content-Encoding'] = 'gzip';
    }
    send(request, response, 200, body, headers);
  }
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

import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { promisify } from 'node:util';
import type { Destination } from './settings.ts';

/** How an attempt ended. */
export type Attempt =
  /** 2xx; the body is cut at {@link RESPONSE_LIMIT}. */
  | { readonly kind: 'taken'; readonly contentType: string; readonly body: Buffer; readonly cut: boolean }
  /** It may work later: no connection, no answer in time, or an answer that says so. */
  | {
      readonly kind: 'later';
      readonly why: string;
      /** What the answer asked for, milliseconds. */
      readonly afterMs?: number;
      /** Nobody listens there. */
      readonly refused?: boolean;
      /** The connection had been used before. */
      readonly stale?: boolean;
    }
  /** It will not work. */
  | { readonly kind: 'refused'; readonly why: string };

/** An answer that is longer than this is not read to its end. */
export const RESPONSE_LIMIT = 64 * 1024;
const NOT_HTTP1 =
  'answers, but not in HTTP/1. gRPC (port 4317) is not spoken; OTLP over HTTP is mostly at port 4318';
const RETRYABLE = new Set([429, 502, 503, 504]);

/** Posts requests to one address over a connection that is kept. */
export class Poster {
  readonly #to: Destination;
  readonly #headers: Record<string, string>;
  readonly #options: Record<string, unknown>;
  readonly #agent: HttpsAgent;
  readonly #request: (
    options: Record<string, unknown>,
    on: (response: IncomingMessage) => void,
  ) => ClientRequest;

  constructor(to: Destination, userAgent: string) {
    this.#to = to;
    this.#headers = {
      'User-Agent': userAgent,
      'Content-Type': to.encoding === 'json' ? 'application/json' : 'application/x-protobuf',
      ...to.headers,
      ...(to.gzip ? { 'Content-Encoding': 'gzip' } : {}),
    };
    // Not by import, which reads every export of the module and so loads all of fetch.
    const module =
      to.url.protocol === 'https:'
        ? process.getBuiltinModule('node:https')
        : process.getBuiltinModule('node:http');
    this.#request = module.request as never;
    this.#agent = new module.Agent({ keepAlive: true, maxSockets: 1 }) as HttpsAgent;
    const { hostname, port, pathname, search, username, password } = to.url;
    this.#options = {
      method: 'POST',
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port || undefined,
      path: pathname + search,
      auth: username ? `${decodeURIComponent(username)}:${decodeURIComponent(password)}` : undefined,
      agent: this.#agent,
      ...to.tls,
    };
  }

  /** One attempt. Never rejects; when `signal` aborts, it ends as `later`. */
  async post(body: Uint8Array, signal: AbortSignal): Promise<Attempt> {
    const bytes = this.#to.gzip
      ? await promisify(process.getBuiltinModule('node:zlib').gzip)(body, { level: 1 })
      : body;
    const attempt = await this.#once(bytes, signal);
    // The receiver closed an idle connection just as we used it: that is nobody's fault and no reason to wait.
    return attempt.kind === 'later' && attempt.stale ? this.#once(bytes, signal) : attempt;
  }

  #once(bytes: Uint8Array, signal: AbortSignal): Promise<Attempt> {
    return new Promise((resolve) => {
      const headers = { ...this.#headers, 'Content-Length': String(bytes.length) };
      let request: ClientRequest;
      let answered = false;
      try {
        request = this.#request({ ...this.#options, headers }, (response) => {
          answered = true;
          read(response, resolve);
        });
      } catch (error) {
        // What Node finds out only as it connects, of certificates among it.
        resolve({ kind: 'refused', why: (error as Error).message });
        return;
      }
      const failed = (error: Error & { code?: string }) => {
        // How an answer ends is the answer's.
        if (answered) return;
        resolve({
          ...connectionFault(error),
          stale: request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE'),
        });
      };
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer within ${this.#to.timeoutMs / 1000} s`)),
        this.#to.timeoutMs,
      );
      const abort = () => request.destroy(new Error('given up at the end'));
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort);
      request.on('error', failed);
      request.on('close', () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        // After an error this changes nothing.
        failed(new Error('connection closed without an answer'));
      });
      request.end(bytes);
    });
  }

  /** Closes what is kept open. */
  close(): void {
    this.#agent.destroy();
  }
}

function read(response: IncomingMessage, resolve: (attempt: Attempt) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  const done = (cut: boolean) => resolve(judged(response, Buffer.concat(chunks), cut));
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length <= RESPONSE_LIMIT) return;
    done(true);
    response.destroy();
  });
  response.on('end', () => done(false));
  // The status has been said; whether the receiver says more than that does not change it.
  response.on('error', () => undefined);
  response.on('close', () => done(true));
}

function judged(response: IncomingMessage, body: Buffer, cut: boolean): Attempt {
  const status = response.statusCode ?? 0;
  const contentType = String(response.headers['content-type'] ?? '').toLowerCase();
  if (status >= 200 && status < 300) return { kind: 'taken', contentType, body, cut };
  const why = `HTTP ${status}${detail(contentType, body)}`;
  if (RETRYABLE.has(status))
    return { kind: 'later', why, afterMs: retryAfter(response.headers['retry-after']) };
  if (status >= 300 && status < 400) {
    const location = inOneLine(response.headers.location ?? '');
    return {
      kind: 'refused',
      why: `HTTP ${status}: redirects${location ? ` to ${location}` : ''}, which is not followed`,
    };
  }
  return { kind: 'refused', why };
}

/** What a text or JSON answer says, in one short line. A protobuf Status has its message among other bytes. */
function detail(contentType: string, body: Buffer): string {
  const text = inOneLine(body.subarray(0, 400).toString());
  return text === '' || contentType.includes('html') ? '' : `: ${text}`;
}

/** What a receiver says, as it may be written to a terminal. */
export function inOneLine(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200);
}

/** Seconds or an HTTP date, as milliseconds from now; undefined for anything else. */
export function retryAfter(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(header.trim())) return Number(header) * 1000;
  // Date.parse takes `-1` for the first of a January.
  const at = /^[A-Za-z]{3,9},? /.test(header.trim()) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

function connectionFault(error: Error & { code?: string }): Attempt & { kind: 'later' } {
  const refused = error.code === 'ECONNREFUSED';
  // As a receiver of gRPC says its SETTINGS first.
  if (error.code?.startsWith('HPE_')) return { kind: 'later', why: NOT_HTTP1 };
  // An AggregateError of both addresses of a name has no message of its own.
  const why = error.message || (error.code ?? 'no connection');
  return { kind: 'later', why: refused ? 'connection refused' : why, refused };
}

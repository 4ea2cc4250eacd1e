import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { AgentOptions } from 'node:https';
import type { Readable } from 'node:stream';
import { errno, OciError } from '../errors.ts';
import { type HostCertificates, hostCertificates, readPem } from './certificates.ts';
import { abortError, networkError, timeoutError, UNKNOWN_AUTHORITY } from './errors.ts';
import type { RegistryOptions } from './options.ts';
import { proxyFor } from './proxy.ts';
import { readStraight } from './straight.ts';
import { tunnel } from './tunnel.ts';

// Node's own HTTP client and not fetch: measured on Node 24, one request over fetch costs a process 40 ms of CPU, over
// node:http 9 ms, and a whole push may take 40. For the same reason the modules come from getBuiltinModule: `import
// 'node:http'` reads every export of it, among them WebSocket, and with that all of undici is loaded.
const builtin = {
  http: () => process.getBuiltinModule('node:http'),
  https: () => process.getBuiltinModule('node:https'),
  tls: () => process.getBuiltinModule('node:tls'),
};
const SOCKETS = 8;

/** One request. A body that is a stream needs its length. */
export interface Request {
  method: string;
  url: URL;
  headers?: Record<string, string>;
  body?: Uint8Array | { stream: Readable; length: number };
}

/** HTTP with timeouts, proxies and TLS settings. Connections are kept for the next request until `close`. */
export class Transport {
  readonly #opts: RegistryOptions;
  /** Of the registry, whose certificates the machine may keep. */
  readonly #host: string;
  readonly #agents = new Map<string, Agent>();
  readonly #idleMs: number;
  #ca: string[] | undefined;
  #systemCa = false;
  #kept: HostCertificates | undefined;
  readonly #answered = new Set<string>();

  constructor(host: string, opts: RegistryOptions) {
    this.#host = host;
    this.#opts = opts;
    this.#idleMs = opts.idleTimeoutMs ?? 30_000;
    if (opts.caFile !== undefined) this.#ca = [readPem(opts.caFile)];
  }

  /** @returns the answer, whatever its status, as soon as its head is there. @throws OciError for a broken connection */
  async send(request: Request): Promise<IncomingMessage> {
    try {
      return await this.#once(request);
    } catch (e) {
      // Node brings a list of authorities of its own. What only the system trusts (a company's own) is looked up
      // when the first handshake fails for want of it: reading the system's list costs 20 ms.
      const cause = e instanceof OciError ? errno(e.cause) : '';
      if (!UNKNOWN_AUTHORITY.has(cause) || this.#systemCa || isStream(request.body)) throw e;
      this.#systemCa = true;
      const { getCACertificates } = builtin.tls();
      this.#ca = [...(this.#ca ?? []), ...getCACertificates('default'), ...getCACertificates('system')];
      this.close();
      return this.#once(request);
    }
  }

  /** Closes idle connections. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #once({ method, url, headers = {}, body }: Request): Promise<IncomingMessage> {
    const host = url.host;
    const signal = this.#opts.signal;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError(signal));
      let response: IncomingMessage | undefined;
      const req = this.#open(method, url, { ...headers, ...lengthOf(body) });
      const stop = (e: OciError) => {
        (response ?? req).destroy(e);
        // A response whose reader is not there yet keeps the error for it; a request reports it below.
      };
      const onAbort = () => stop(abortError(signal as AbortSignal));
      signal?.addEventListener('abort', onAbort, { once: true });
      req.once('close', () => {
        signal?.removeEventListener('abort', onAbort);
        // Closed without an answer or an error: by Node, of one that wants to speak another protocol now (101).
        if (response === undefined) reject(networkError(new Error('it gave no answer'), host));
      });
      req.on('timeout', () => stop(timeoutError(host, this.#idleMs)));
      req.on('response', (res) => {
        response = res;
        this.#answered.add(host);
        if (isStream(body)) body.stream.destroy(); // answered before it was all sent, or has been read to its end
        // Answered early, the rest of the body stays unsent, and the connection cannot be used again.
        res.once('end', () => {
          if (!req.writableFinished) req.destroy();
        });
        resolve(res);
      });
      req.on('error', (e) => {
        if (isStream(body)) body.stream.destroy();
        reject(networkError(e, host, this.#answered.has(host)));
      });
      if (!isStream(body)) return void req.end(body);
      body.stream.on('error', (e) => {
        if (e instanceof OciError) {
          reject(e);
          return void req.destroy();
        }
        const hint = 'Check the permissions of the store, and whether the disk is sound.';
        reject(new OciError('SKEP_STORE_ACCESS', `A blob cannot be read: ${e.message}.`, { hint, cause: e }));
        req.destroy();
      });
      body.stream.pipe(req);
    });
  }

  #open(method: string, url: URL, headers: Record<string, string | number>): ClientRequest {
    const secure = url.protocol === 'https:';
    const proxy = proxyFor(url, this.#opts.env ?? process.env);
    const options: RequestOptions = {
      method,
      headers,
      timeout: this.#idleMs,
      agent: this.#agent(secure, proxy),
    };
    if (secure) return builtin.https().request(url, { ...options, ...this.#shownTo(url) });
    if (proxy === undefined) return builtin.http().request(url, options);
    const via = proxy.protocol === 'https:' ? builtin.https() : builtin.http();
    // https://www.rfc-editor.org/rfc/rfc9112#name-absolute-form
    const auth = proxyAuthorization(proxy);
    return via.request(proxy, {
      ...options,
      path: url.href,
      headers: { ...headers, host: url.host, ...(auth && { 'proxy-authorization': auth }) },
    });
  }

  /** Our certificate; not for a token server, or storage that the registry redirects to. */
  #shownTo(url: URL): HostCertificates['client'] {
    return url.host === new URL(`https://${this.#host}`).host ? this.#certificates().client : undefined;
  }

  /** Read with the first connection that has TLS. */
  #certificates(): HostCertificates {
    if (this.#kept === undefined) {
      this.#kept = hostCertificates(this.#host, this.#opts.env);
      if (this.#kept.ca.length > 0) this.#ca = [...(this.#ca ?? []), ...this.#kept.ca];
    }
    return this.#kept;
  }

  #agent(secure: boolean, proxy: URL | undefined): Agent {
    const key = `${secure} ${proxy?.href ?? ''}`;
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      agent = this.#makeAgent(secure, proxy);
      this.#agents.set(key, agent);
    }
    return agent;
  }

  #makeAgent(secure: boolean, proxy: URL | undefined): Agent {
    const keep = { keepAlive: true, maxSockets: SOCKETS };
    if (!secure && proxy?.protocol !== 'https:') return readStraight(new (builtin.http().Agent)(keep));
    const options: AgentOptions = { ...keep };
    if (secure) this.#certificates();
    if (this.#opts.insecure && secure) options.rejectUnauthorized = false;
    if (this.#ca !== undefined) {
      options.ca = this.#systemCa ? this.#ca : [...builtin.tls().getCACertificates('default'), ...this.#ca];
    }
    const agent = new (builtin.https().Agent)(options);
    if (!secure || proxy === undefined) return readStraight(agent);
    tunnel(agent, proxy, this.#idleMs, proxyAuthorization(proxy));
    return agent;
  }
}

function isStream(body: Request['body']): body is { stream: Readable; length: number } {
  return body !== undefined && !(body instanceof Uint8Array);
}

function lengthOf(body: Request['body']): Record<string, number> {
  return body === undefined ? {} : { 'content-length': body.length };
}

function proxyAuthorization(proxy: URL): string | undefined {
  if (proxy.username === '') return undefined;
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

import type { IncomingMessage } from 'node:http';
import { findCredentials } from '../credentials/find.ts';
import { errno, OciError } from '../errors.ts';
import { Authenticator } from './auth.ts';
import { statusError } from './errors.ts';
import { apiHost, isLoopback } from './host.ts';
import type { RegistryOptions } from './options.ts';
import { RetryPolicy } from './retry.ts';
import { type Request, Transport } from './transport.ts';

const MAX_REDIRECTS = 5;

/** One request to a registry, and what counts as success. */
export interface Call {
  method: string;
  /** Below the registry's address, or a whole address that it gave us. */
  url: string | URL;
  headers?: Record<string, string>;
  /** A stream is made anew for every try. */
  body?: Uint8Array | (() => Exclude<Request['body'], Uint8Array | undefined>);
  /** `repository:NAME:pull`; empty for none. */
  scope: string;
  /** Statuses that are returned; all others throw. */
  expect: readonly number[];
  /** Completes "does not let this account …" and "answered 500 to the request to …". */
  what: string;
  /** Codes of the registry's own that another try may get past. */
  passing?: readonly string[];
  /** False: one try only, the caller knows better how to go on. */
  retry?: boolean;
}

/** Requests with authentication, redirects and retries. The registry protocol itself is in registry.ts. */
export class Client {
  /** As people write it. */
  readonly host: string;
  readonly retry: RetryPolicy;
  readonly #transport: Transport;
  readonly #auth: Authenticator;
  #base: URL;
  #mayTryTls: boolean;
  #mayTryPlain: boolean;

  constructor(host: string, opts: RegistryOptions) {
    this.host = host;
    this.retry = new RetryPolicy(opts);
    this.#transport = new Transport(apiHost(host), opts);
    this.#auth = new Authenticator(host, this.#transport, this.retry, (repository) =>
      findCredentials(host, opts, repository),
    );
    // docker treats 127.0.0.0/8 as insecure and tries TLS before plain HTTP. A registry on loopback nearly always is
    // plain HTTP and nobody can listen in between, so here it is the other way round: HTTP first, and TLS when the
    // server says that it speaks only that.
    const plain = opts.plainHttp ?? isLoopback(host);
    this.#mayTryTls = plain && opts.plainHttp === undefined;
    this.#mayTryPlain = !plain && opts.mayBePlain === true;
    this.#base = new URL(`${plain ? 'http' : 'https'}://${apiHost(host)}`);
  }

  close(): void {
    this.#transport.close();
  }

  /** @throws OciError for every status that was not expected */
  async call(c: Call): Promise<IncomingMessage> {
    const once = async () => {
      const res = await this.#authorized(c);
      if (c.expect.includes(res.statusCode ?? 0)) return res;
      throw await statusError(res, this.host, c.what, c.passing);
    };
    return c.retry === false ? once() : this.retry.run(once);
  }

  /** An address that the registry gave (a Location header), made whole. */
  resolve(location: string): URL {
    if (URL.canParse(location, this.#base.href)) return new URL(location, this.#base);
    throw new OciError('SKEP_REGISTRY', `${this.host} gave an address that is none.`, {
      hint: 'Check that the address is that of a registry.',
    });
  }

  async #authorized(c: Call): Promise<IncomingMessage> {
    let header = await this.#auth.header(c.scope);
    // Twice: a token may have run out since it was fetched.
    for (let n = 0; ; n++) {
      const res = await this.#follow(c, header);
      if (res.statusCode !== 401) return res;
      res.resume();
      if (n === 2) throw await this.#auth.denied(c.scope, header, c.what);
      header = await this.#auth.answer(res.headers['www-authenticate'], c.scope, this.#base, header, c.what);
    }
  }

  async #follow(c: Call, authorization: string | undefined): Promise<IncomingMessage> {
    let url = new URL(c.url, this.#base);
    for (let n = 0; n <= MAX_REDIRECTS; n++) {
      const headers = { 'user-agent': 'skep', ...c.headers };
      // Credentials are for the registry alone: storage it redirects to, another port or a step down from TLS gets none.
      const isOwn = url.origin === this.#base.origin;
      if (authorization !== undefined && isOwn) Object.assign(headers, { authorization });
      const body = typeof c.body === 'function' ? c.body() : c.body;
      const res = await this.#send({ method: c.method, url, headers, body });
      // Nor does it say where they are to be sent: its token server would be whoever it likes.
      if (res.statusCode === 401 && !isOwn) throw this.#foreign(url, c.what, res);
      const location = res.headers.location;
      const isRedirect = [301, 302, 303, 307, 308].includes(res.statusCode ?? 0);
      if (!isRedirect || location === undefined || !['GET', 'HEAD'].includes(c.method)) return res;
      res.resume();
      if (!URL.canParse(location, url.href)) break;
      url = new URL(location, url);
      if (url.protocol !== 'http:' && url.protocol !== 'https:') break;
    }
    throw new OciError('SKEP_REGISTRY', `${this.host} redirects in circles or to nowhere.`, {
      hint: 'Check that the address is that of a registry.',
    });
  }

  #foreign({ host }: URL, what: string, res: IncomingMessage): OciError {
    res.resume();
    return new OciError('SKEP_REGISTRY', `${this.host} leads to ${host}, which wants a login to ${what}.`, {
      hint: `The login of ${this.host} is not shown to another host. Tell who runs the registry.`,
    });
  }

  async #send(request: Request): Promise<IncomingMessage> {
    if (request.url.origin !== this.#base.origin) return this.#transport.send(request);
    if (this.#mayTryTls) return this.#sendMaybeTls(request);
    return this.#mayTryPlain ? this.#sendMaybePlain(request) : this.#transport.send(request);
  }

  async #sendMaybePlain(request: Request): Promise<IncomingMessage> {
    try {
      const res = await this.#transport.send(request);
      this.#mayTryPlain = false;
      return res;
    } catch (e) {
      if (!(e instanceof OciError) || e.code !== 'SKEP_REGISTRY_TLS' || errno(e.cause) !== 'EPROTO') throw e;
      this.#base = new URL(`http://${this.#base.host}`);
      this.#mayTryPlain = false;
      return this.#transport.send({ ...request, url: this.#sameAtBase(request.url) });
    }
  }

  /** What is asked for, now that the registry turned out to speak the other protocol. */
  #sameAtBase({ pathname, search }: URL): URL {
    return new URL(pathname + search, this.#base);
  }

  async #sendMaybeTls(request: Request): Promise<IncomingMessage> {
    let failure: unknown;
    const res = await this.#transport.send(request).catch((e: unknown) => {
      failure = e;
    });
    // Go answers 400 in plain HTTP, nginx too; others send a TLS alert, which is not HTTP.
    const wantsTls =
      res === undefined ? failure instanceof OciError && failure.code === 'SKEP_REGISTRY' : isTlsOnly(res);
    if (!wantsTls || !(request.body === undefined || request.body instanceof Uint8Array)) {
      if (res === undefined) throw failure;
      this.#mayTryTls = false;
      return res;
    }
    res?.resume();
    this.#mayTryTls = false;
    const plain = this.#base;
    this.#base = new URL(`https://${plain.host}`);
    try {
      return await this.#transport.send({ ...request, url: this.#sameAtBase(request.url) });
    } catch (e) {
      // The 400 was meant as it stood, or there is nothing we understand in either way.
      if (!(e instanceof OciError) || errno(e.cause) !== 'EPROTO') throw e;
      this.#base = plain;
      return this.#transport.send(request);
    }
  }
}

function isTlsOnly(res: IncomingMessage): boolean {
  return res.statusCode === 400 && res.headers['docker-distribution-api-version'] === undefined;
}

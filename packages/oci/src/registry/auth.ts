import type { Credentials } from '../credentials/find.ts';
import { OciError, printable } from '../errors.ts';
import { isObject } from '../manifest.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { forbidden, readBody, refused, statusError, unauthorized } from './errors.ts';
import type { RetryPolicy } from './retry.ts';
import type { Request, Transport } from './transport.ts';

const CLIENT_ID = 'skep';
const TOKEN_BYTES = 1024 * 1024;

/** Turns challenges into Authorization headers, and keeps them for the next request of the same scope. */
export class Authenticator {
  readonly #host: string;
  readonly #transport: Transport;
  readonly #retry: RetryPolicy;
  readonly #find: (repository: string) => Promise<Credentials | undefined>;
  readonly #headers = new Map<string, Promise<string | undefined>>();
  readonly #credentials = new Map<string, Promise<Credentials | undefined>>();

  /** @param find is asked once for a repository (empty for none), and only if the registry wants to know who we are */
  constructor(
    host: string,
    transport: Transport,
    retry: RetryPolicy,
    find: (repository: string) => Promise<Credentials | undefined>,
  ) {
    this.#host = host;
    this.#transport = transport;
    this.#retry = retry;
    this.#find = find;
  }

  /** The header for a scope, if an earlier answer showed which. */
  header(scope: string): Promise<string | undefined> {
    return this.#headers.get(scope) ?? Promise.resolve(undefined);
  }

  /**
   * Answers a 401. Requests that run into it together share one token.
   *
   * @param tried the header that was refused, if one was sent
   * @returns the header to try now
   * @throws OciError SKEP_UNAUTHORIZED, SKEP_REGISTRY
   */
  async answer(
    www: string | undefined,
    scope: string,
    url: URL,
    tried: string | undefined,
    what: string,
  ): Promise<string> {
    const known = await this.#headers.get(scope)?.catch(() => undefined); // its own waiter reports that failure
    if (known !== undefined && known !== tried) return known;
    let pending = this.#headers.get(scope);
    if (pending === undefined || tried !== undefined) {
      pending = this.#obtain(parseChallenges(www ?? ''), scope, url, what);
      this.#headers.set(scope, pending);
      pending.catch(() => this.#headers.delete(scope));
    }
    const header = await pending;
    if (header === undefined) throw unauthorized(this.#host, what);
    if (header === tried) throw await this.denied(scope, tried, what);
    return header;
  }

  /** What it means that `tried` was refused, and that there is nothing else to try. */
  async denied(scope: string, tried: string | undefined, what: string): Promise<OciError> {
    const credentials = await this.#credentialsFor(scope);
    if (credentials === undefined) return unauthorized(this.#host, what);
    // A token server has accepted the login: the token does not allow as much.
    const byToken = tried?.startsWith('Bearer ') && credentials.registryToken === undefined;
    return byToken ? forbidden(this.#host, what) : refused(this.#host, credentials.username);
  }

  /** Of a scope for two repositories, the one that is written to decides: it comes first. */
  #credentialsFor(scope: string): Promise<Credentials | undefined> {
    const repository = scope.split(':')[1] ?? '';
    let found = this.#credentials.get(repository);
    if (found === undefined) {
      found = this.#find(repository);
      this.#credentials.set(repository, found);
    }
    return found;
  }

  async #obtain(challenges: Challenge[], scope: string, url: URL, what: string): Promise<string | undefined> {
    const credentials = await this.#credentialsFor(scope);
    const bearer = challenges.find((c) => c.scheme === 'bearer');
    if (bearer !== undefined) {
      if (credentials?.registryToken !== undefined) return `Bearer ${credentials.registryToken}`;
      return `Bearer ${await this.#token(bearer, scope, url, credentials, what)}`;
    }
    if (!challenges.some((c) => c.scheme === 'basic')) {
      throw new OciError('SKEP_REGISTRY', `${this.#host} wants a login, but does not say how.`, {
        hint: 'Check that the address is that of a registry.',
      });
    }
    return credentials?.password === undefined ? undefined : basic(credentials);
  }

  // https://distribution.github.io/distribution/spec/auth/token/ and …/auth/oauth/
  async #token(
    challenge: Challenge,
    scope: string,
    url: URL,
    credentials: Credentials | undefined,
    what: string,
  ): Promise<string> {
    const { realm = '', service } = challenge.params;
    const address = URL.canParse(realm, url.href) ? new URL(realm, url) : undefined;
    if (address === undefined || !['http:', 'https:'].includes(address.protocol)) {
      throw new OciError('SKEP_REGISTRY', `${this.#host} names no token server that can be asked.`, {
        hint: 'Check that the address is that of a registry.',
      });
    }
    // A registry reached by TLS must not talk us into sending the password in the clear.
    if (url.protocol === 'https:' && address.protocol === 'http:' && credentials !== undefined) {
      throw new OciError(
        'SKEP_REGISTRY',
        `${this.#host} wants the password sent to ${address.host} without TLS.`,
        {
          hint: 'Tell who runs the registry; nothing was sent.',
        },
      );
    }
    const scopes = scope === '' ? [] : scope.split(' ');
    const request = this.#tokenRequest(address, service, scopes, credentials);
    return this.#retry.run(async () => {
      const res = await this.#transport.send(request);
      if (res.statusCode === 401 || res.statusCode === 403) {
        res.resume();
        if (credentials === undefined) throw unauthorized(this.#host, what);
        throw new OciError(
          'SKEP_UNAUTHORIZED',
          `${address.host} does not accept the login kept for ${this.#host}.`,
          {
            hint: `Run skep login ${this.#host}, then try again.`,
          },
        );
      }
      if (res.statusCode !== 200) throw await statusError(res, address.host, 'give out a token');
      const body = await readBody(res, TOKEN_BYTES, address.host, 'a token');
      return readToken(body, address.host);
    });
  }

  #tokenRequest(
    address: URL,
    service: string | undefined,
    scopes: string[],
    credentials: Credentials | undefined,
  ): Request {
    if (credentials?.identityToken !== undefined) {
      const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: CLIENT_ID });
      form.set('refresh_token', credentials.identityToken);
      if (service !== undefined) form.set('service', service);
      if (scopes.length > 0) form.set('scope', scopes.join(' '));
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      return { method: 'POST', url: address, headers, body: Buffer.from(form.toString()) };
    }
    const url = new URL(address);
    if (service !== undefined) url.searchParams.set('service', service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    if (credentials?.password === undefined) return { method: 'GET', url };
    url.searchParams.set('account', credentials.username ?? '');
    return { method: 'GET', url, headers: { authorization: basic(credentials) } };
  }
}

function basic({ username = '', password = '' }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function readToken(body: Buffer, host: string): string {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    json = undefined; // said below
  }
  const token = isObject(json) ? (json.token ?? json.access_token) : undefined;
  if (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) return token;
  const start = printable(body.toString('utf8'), 60);
  throw new OciError('SKEP_REGISTRY', `The token server ${host} sent no token, but "${start}".`, {
    hint: 'Check that the address is that of a registry.',
  });
}

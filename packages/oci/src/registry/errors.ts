import type { IncomingMessage } from 'node:http';
import { errno, OciError, printable } from '../errors.ts';
import { isObject } from '../manifest.ts';

const TLS = /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_|HOSTNAME_MISMATCH|ERR_SSL_|EPROTO)/;
/** Verification failed for want of a known authority: the system's list may have it. */
export const UNKNOWN_AUTHORITY = new Set([
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);

/** What Node adds to OpenSSL's words, about flags of its own. */
const NODE_ADVICE = /; if the root CA is installed locally, .*/;

function tlsWayOut(code: string): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'Use a name that the certificate has';
  if (code === 'CERT_HAS_EXPIRED') return 'Let who runs the registry renew it';
  if (code === 'CERT_NOT_YET_VALID') return "Check this machine's clock";
  return 'Name the authority with --ca-file FILE';
}

/**
 * An error of the connection as a sentence. `host` is where we meant to go; one that has answered `before` and refuses
 * now is being restarted, and worth another try.
 */
export function networkError(e: unknown, host: string, before = false): OciError {
  if (e instanceof OciError) return e;
  const code = errno(e);
  const reason = e instanceof Error ? printable(e.message) : String(e);
  if (code === 'EPROTO' && /wrong version number|packet length too long|record layer/.test(reason)) {
    return new OciError('SKEP_REGISTRY_TLS', `${host} speaks plain HTTP, not HTTPS.`, {
      hint: 'Add --plain-http if you trust the network between.',
      cause: e,
    });
  }
  if (TLS.test(code)) {
    const why = reason.replace(NODE_ADVICE, '').replace(/\.$/, '');
    return new OciError('SKEP_REGISTRY_TLS', `The TLS certificate of ${host} cannot be trusted: ${why}.`, {
      hint: `${tlsWayOut(code)}, or add --insecure to accept any certificate.`,
      cause: e,
    });
  }
  if (code.startsWith('HPE_')) {
    return new OciError('SKEP_REGISTRY', `${host} answers with something that is not HTTP.`, {
      hint: 'Check host and port; a registry with TLS is not reached by --plain-http.',
      cause: e,
    });
  }
  if (code === 'ECONNREFUSED')
    return unreachable(`Nothing listens at ${host}${before ? ' any more' : ''}`, e, before);
  if (code === 'ENOTFOUND') return unreachable(`There is no host named ${host}`, e, false);
  if (code === 'EAI_AGAIN') return unreachable(`The name ${host} cannot be looked up right now`, e, true);
  if (['EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'].includes(code)) {
    return unreachable(`There is no way to ${host}`, e, false);
  }
  return unreachable(`The connection to ${host} broke (${code || reason})`, e, true);
}

function unreachable(what: string, cause: unknown, transient: boolean): OciError {
  return new OciError('SKEP_REGISTRY_UNREACHABLE', `${what}.`, {
    hint: 'Check the name, the port, the network and the proxy settings (HTTPS_PROXY, NO_PROXY).',
    cause,
    transient,
  });
}

export function timeoutError(host: string, ms: number): OciError {
  return new OciError('SKEP_REGISTRY_TIMEOUT', `${host} sent nothing for ${ms / 1000} seconds.`, {
    hint: 'Try again later, or check the network and the proxy settings.',
    transient: true,
  });
}

export function abortError(signal: AbortSignal): OciError {
  return new OciError('SKEP_ABORTED', 'The transfer was stopped.', {
    hint: 'Start it again; blobs that have arrived whole are kept.',
    cause: signal.reason,
  });
}

/**
 * An answer with a status that was not wanted, as a sentence. Reads the body for the registry's own words.
 *
 * @param passing codes of the registry's own that another try may get past
 */
export async function statusError(
  res: IncomingMessage,
  host: string,
  what: string,
  passing: readonly string[] = [],
): Promise<OciError> {
  const status = res.statusCode ?? 0;
  const said = await registryMessage(res);
  const words = said === '' ? '' : ` (it says: ${said})`;
  const retryAfterMs = retryAfter(res.headers['retry-after']);
  if (status === 401) return unauthorized(host, what, words);
  if (status === 403) return forbidden(host, what, words);
  if (status === 404) {
    return new OciError('SKEP_NOT_FOUND', `${host} has nothing to ${what}${words}.`, {
      hint: 'Check the name and the tag; a private image looks absent until you skep login.',
    });
  }
  if (status === 429) {
    return new OciError(
      'SKEP_REGISTRY',
      `${host} asks to slow down, so it was not possible to ${what}${words}.`,
      {
        hint: 'Try again in some minutes, or log in for a higher limit: skep login.',
        transient: true,
        retryAfterMs,
      },
    );
  }
  const transient =
    (status >= 500 && status !== 501 && status !== 505) || passing.some((code) => said.startsWith(code));
  const hint = transient
    ? 'The fault is on its side: try again later, or look into its log.'
    : `Check that the address is that of a registry${status === 400 ? '; one with TLS is not reached by --plain-http' : ''}.`;
  const message = `${host} answered ${status} to the request to ${what}${words}.`;
  return new OciError('SKEP_REGISTRY', message, { hint, transient, retryAfterMs });
}

export function unauthorized(host: string, what: string, words = ''): OciError {
  return new OciError('SKEP_UNAUTHORIZED', `${host} wants a login to ${what}${words}.`, {
    hint: `Run skep login ${host}, then try again.`,
  });
}

/** Whoever we are may not. */
export function forbidden(host: string, what: string, words = ''): OciError {
  return new OciError('SKEP_FORBIDDEN', `${host} does not let this account ${what}${words}.`, {
    hint: 'Ask the owner of the repository for access, or log in as somebody else: skep login.',
  });
}

/** A login was shown, and is wrong. */
export function refused(host: string, user = ''): OciError {
  const whose = user === '' ? '' : ` of ${printable(user)}`;
  return new OciError('SKEP_UNAUTHORIZED', `${host} does not accept the login${whose}.`, {
    hint: `Check user name and password, or run skep login ${host}.`,
  });
}

/** Seconds or a date: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
export function retryAfter(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
async function registryMessage(res: IncomingMessage): Promise<string> {
  try {
    const body = await readBody(res, 64 * 1024, '', '');
    const json: unknown = JSON.parse(body.toString('utf8'));
    if (!isObject(json)) return '';
    if (Array.isArray(json.errors)) {
      const first: unknown = json.errors[0];
      if (isObject(first)) {
        return printable(
          [first.code, first.message].filter((s) => typeof s === 'string' && s !== '').join(': '),
        );
      }
    }
    return typeof json.details === 'string' ? printable(json.details) : '';
  } catch {
    return ''; // an error page, or a body cut short: the status says enough
  }
}

/** The whole body, if it has no more than `max` bytes. @throws OciError SKEP_REGISTRY, SKEP_REGISTRY_UNREACHABLE */
export async function readBody(
  res: IncomingMessage,
  max: number,
  host: string,
  what: string,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of res as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > max) {
        throw new OciError('SKEP_REGISTRY', `${host} sent more than ${max} bytes for ${what}.`, {
          hint: 'Check that the address is that of a registry.',
        });
      }
      chunks.push(chunk);
    }
  } catch (e) {
    throw networkError(e, host);
  }
  return Buffer.concat(chunks);
}

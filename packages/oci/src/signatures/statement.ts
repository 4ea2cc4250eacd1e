import { isObject } from '../manifest.ts';
import { isDigest } from '../reference.ts';

export const STATEMENT_TYPE = 'application/vnd.in-toto+json';
/** What `cosign sign` says of an image: no more than that it was signed. */
export const SIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';

/** A statement about digests: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md */
export interface Statement {
  predicateType: string;
  predicate: unknown;
  /** `sha256:…` each. */
  digests: string[];
}

/**
 * A statement about manifests, in the bytes that are signed.
 *
 * @param digests of the manifests, `sha256:…` each
 */
export function makeStatement(
  digests: readonly string[],
  predicateType: string,
  predicate: object,
): Uint8Array {
  const subject = digests.map((digest) => {
    const [algorithm = '', hex] = digest.split(':');
    return { digest: { [algorithm]: hex } };
  });
  return Buffer.from(
    JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate }),
  );
}

/** The statement that this image was signed. */
export function signStatement(digest: string): Uint8Array {
  return makeStatement([digest], SIGN_PREDICATE, {});
}

/** Reads a statement; undefined for bytes that are none. */
export function readStatement(payload: Uint8Array): Statement | undefined {
  const json = readJson(payload);
  if (!isObject(json) || !/^https:\/\/in-toto\.io\/Statement\/v(0\.1|1)$/.test(String(json._type)))
    return undefined;
  if (typeof json.predicateType !== 'string' || !Array.isArray(json.subject)) return undefined;
  const digests = json.subject.flatMap((s: unknown) =>
    isObject(s) && isObject(s.digest) ? Object.entries(s.digest).map(([a, hex]) => `${a}:${hex}`) : [],
  );
  return {
    predicateType: json.predicateType,
    predicate: json.predicate,
    digests: digests.filter(isDigest),
  };
}

/** JSON from outside; undefined when it is none. */
export function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined; // whoever asked says what it was
  }
}

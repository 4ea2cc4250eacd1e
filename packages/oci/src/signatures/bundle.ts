import { isObject } from '../manifest.ts';
import { type Envelope, preAuthEncoding } from './dsse.ts';
import { isSignedBy, type PrivateKey, type PublicKey, signBytes } from './keys.ts';
import { readJson, readStatement, SIGN_PREDICATE, STATEMENT_TYPE, signStatement } from './statement.ts';

/** The media type of a bundle, and the artifactType of the manifest that holds one. */
export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** The configuration of a manifest that needs none. */
export const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';

const BUNDLE_TYPES = /^application\/vnd\.dev\.sigstore\.bundle(\.v0\.[0-9]+)?\+json(;version=0\.[0-9]+)?$/;

/** Whether this is the media type of a Sigstore bundle of any version. */
export function isBundleType(mediaType: string): boolean {
  return BUNDLE_TYPES.test(mediaType);
}

/** A bundle as far as it is used: https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto */
export interface Bundle {
  envelope: Envelope;
  /** What the signing key is called, when it is a key and not a certificate. */
  hint?: string;
  /** Whether it is signed with a certificate. */
  keyless: boolean;
  /** All of it, as parsed. */
  json: Record<string, unknown>;
}

/** A bundle v0.3 that says of a digest what `cosign sign` says. */
export function makeBundle(digest: string, key: PrivateKey): Uint8Array {
  const payload = signStatement(digest);
  const signature = signBytes(key, preAuthEncoding(STATEMENT_TYPE, payload));
  return Buffer.from(
    JSON.stringify({
      mediaType: BUNDLE_TYPE,
      verificationMaterial: { publicKey: { hint: key.publicKey.hint } },
      dsseEnvelope: {
        payload: base64(payload),
        payloadType: STATEMENT_TYPE,
        signatures: [{ sig: base64(signature) }],
      },
    }),
  );
}

/** Reads a bundle with a DSSE envelope; undefined for anything else. */
export function readBundle(bytes: Uint8Array): Bundle | undefined {
  const json = readJson(bytes);
  if (!isObject(json) || !isBundleType(String(json.mediaType))) return undefined;
  const { dsseEnvelope: envelope, verificationMaterial: material } = json;
  if (!isObject(envelope) || !isObject(material) || !Array.isArray(envelope.signatures)) return undefined;
  if (typeof envelope.payload !== 'string' || typeof envelope.payloadType !== 'string') return undefined;
  const signatures = envelope.signatures.flatMap((s: unknown) =>
    isObject(s) && typeof s.sig === 'string' ? [Buffer.from(s.sig, 'base64')] : [],
  );
  const { publicKey } = material;
  return {
    envelope: {
      payloadType: envelope.payloadType,
      payload: Buffer.from(envelope.payload, 'base64'),
      signatures,
    },
    ...(isObject(publicKey) && typeof publicKey.hint === 'string' ? { hint: publicKey.hint } : {}),
    keyless: !isObject(publicKey),
    json,
  };
}

/**
 * Which of the keys signed, if one did, that this digest is the image's; why not, else.
 *
 * A statement with another predicate (an SBOM, a provenance) is no signature of the image: who may attest need not be who
 * may release.
 */
export function checkBundle(
  bundle: Bundle,
  digest: string,
  keys: readonly PublicKey[],
): { key: PublicKey } | { why: string } {
  const { payloadType, payload, signatures } = bundle.envelope;
  if (payloadType !== STATEMENT_TYPE) return { why: 'it holds no in-toto statement' };
  const statement = readStatement(payload);
  if (!statement) return { why: 'its statement cannot be read' };
  if (statement.predicateType !== SIGN_PREDICATE)
    return { why: `it is no signature but a ${statement.predicateType}` };
  if (!statement.digests.includes(digest)) return { why: 'it is for another image' };
  const signed = preAuthEncoding(payloadType, payload);
  const key = keys.find((k) => signatures.some((s) => isSignedBy(k, signed, s)));
  if (key) return { key };
  return {
    why: bundle.keyless ? 'it is signed with a certificate, not with a key' : 'another key signed it',
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

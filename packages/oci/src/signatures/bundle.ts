import { isObject } from '../manifest.ts';
import { type Envelope, preAuthEncoding, readEnvelope } from './dsse.ts';
import { isSignedBy, type PrivateKey, type PublicKey, signBytes } from './keys.ts';
import {
  readJson,
  readStatement,
  SIGN_PREDICATE,
  STATEMENT_TYPE,
  type Statement,
  signStatement,
} from './statement.ts';

/** The media type of a bundle, and the artifactType of the manifest that holds one. */
export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** Of the manifest that holds a bundle: what it says of the image. */
export const PREDICATE_ANNOTATION = 'dev.sigstore.bundle.predicateType';

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
  return bundleOf(signStatement(digest), key);
}

/** A bundle v0.3 with a signed statement. */
export function bundleOf(payload: Uint8Array, key: PrivateKey): Uint8Array {
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

/** Who signs with certificates that live for minutes, as the certificate calls him: see `keyless.ts`. */
export interface CertifiedSigner {
  /** For messages: `me@example.com (https://accounts.example.com)`. */
  readonly name: string;
  /** Why a bundle is not this signer's, beginning with `its`; nothing when it is. The statement in it is not looked at. */
  refuse(bundle: Record<string, unknown>): Promise<string | undefined>;
}

/** Who may have signed. */
export type Signer = PublicKey | CertifiedSigner;

/** Reads a bundle with a DSSE envelope; undefined for anything else. */
export function readBundle(bytes: Uint8Array): Bundle | undefined {
  const json = readJson(bytes);
  if (!isObject(json) || !isBundleType(String(json.mediaType))) return undefined;
  const { dsseEnvelope, verificationMaterial: material } = json;
  const envelope = readEnvelope(dsseEnvelope);
  if (!envelope || !isObject(material)) return undefined;
  const { publicKey } = material;
  return {
    envelope,
    ...(isObject(publicKey) && typeof publicKey.hint === 'string' ? { hint: publicKey.hint } : {}),
    keyless: !isObject(publicKey),
    json,
  };
}

/** What a bundle turned out to be: signed, or why it does not count. */
export type Checked<S> = { signer: S; statement?: Statement } | { why: string };

/**
 * Which of the signers signed, if one did, that this digest is the image's; why not, else.
 *
 * A statement with another predicate (an SBOM, a provenance) is no signature of the image: who may attest need not be who
 * may release.
 *
 * @param predicateType what is asked for, a signature unless said
 */
export async function checkBundle<S extends Signer>(
  bundle: Bundle,
  digest: string,
  signers: readonly S[],
  predicateType: string = SIGN_PREDICATE,
): Promise<Checked<S>> {
  const { payloadType, payload, signatures } = bundle.envelope;
  if (payloadType !== STATEMENT_TYPE) return { why: 'it holds no in-toto statement' };
  const statement = readStatement(payload);
  if (!statement) return { why: 'its statement cannot be read' };
  if (statement.predicateType !== predicateType)
    return {
      why:
        predicateType === SIGN_PREDICATE
          ? `it is no signature but a ${statement.predicateType}`
          : `it is a ${statement.predicateType}`,
    };
  if (!statement.digests.includes(digest)) return { why: 'it is for another image' };
  const signed = preAuthEncoding(payloadType, payload);
  const by = (signer: S) => isKey(signer) && signatures.some((s) => isSignedBy(signer, signed, s));
  const key = signers.find(by);
  if (key) return { signer: key, statement };
  if (!bundle.keyless) return { why: 'another key signed it' };
  const certified = signers.filter((s) => !isKey(s));
  if (certified.length === 0) return { why: 'it is signed with a certificate, not with a key' };
  let why = '';
  for (const signer of certified) {
    const refused = await (signer as CertifiedSigner).refuse(bundle.json);
    if (refused === undefined) return { signer, statement };
    why = refused;
  }
  return { why };
}

/** Whether this is a key, and not somebody with certificates. */
export function isKey(signer: Signer): signer is PublicKey {
  return 'key' in signer;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

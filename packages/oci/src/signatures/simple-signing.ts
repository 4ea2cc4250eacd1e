import { isObject } from '../manifest.ts';
import { type Checked, isKey, type Signer } from './bundle.ts';
import { isSignedBy, type PrivateKey, signBytes } from './keys.ts';
import { readJson } from './statement.ts';

// https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md

export const SIMPLE_SIGNING_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';
export const SIGNATURE_ANNOTATION = 'dev.cosignproject.cosign/signature';

const CERTIFICATE_ANNOTATION = 'dev.sigstore.cosign/certificate';

/** The tag that the older signatures of a digest are under, in the image's own repository. */
export function signatureTag(digest: string): string {
  return `${digest.replace(':', '-')}.sig`;
}

/** The payload that says: this digest has this name. */
export function simplePayload(digest: string, name: string): Uint8Array {
  return Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': name },
        image: { 'docker-manifest-digest': digest },
        type: 'cosign container image signature',
      },
      optional: null,
    }),
  );
}

/** A layer's annotation: the signature of a payload. */
export function signSimple(payload: Uint8Array, key: PrivateKey): Record<string, string> {
  return { [SIGNATURE_ANNOTATION]: Buffer.from(signBytes(key, payload)).toString('base64') };
}

/**
 * Which of the signers signed this payload for this digest; why not, else. The name in it is not compared, as in cosign. Of
 * certificates in this form nothing is read.
 */
export function checkSimple<S extends Signer>(
  payload: Uint8Array,
  annotations: Readonly<Record<string, string>>,
  digest: string,
  signers: readonly S[],
): Checked<S> {
  const json = readJson(payload);
  const critical = isObject(json) && isObject(json.critical) ? json.critical : {};
  if (!/^(cosign|atomic) container( image)? signature$/.test(String(critical.type)))
    return { why: 'its payload cannot be read' };
  const image = isObject(critical.image) ? critical.image : {};
  if (image['docker-manifest-digest'] !== digest) return { why: 'it is for another image' };
  const signature = Buffer.from(annotations[SIGNATURE_ANNOTATION] ?? '', 'base64');
  const signer = signers.find((s) => isKey(s) && isSignedBy(s, payload, signature));
  if (signer) return { signer };
  return {
    why:
      annotations[CERTIFICATE_ANNOTATION] === undefined
        ? 'another key signed it'
        : 'it is signed with a certificate in the older form, which is not read',
  };
}

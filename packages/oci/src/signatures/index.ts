/** Signatures as cosign makes them. Apart from the rest: only `sign`, `verify` and a policy need it. */
export { type Attestation, readAttestations } from './attestations.ts';
export { BUNDLE_TYPE, type CertifiedSigner, isKey, type Signer } from './bundle.ts';
export {
  generateKeyPair,
  type PrivateKey,
  type PublicKey,
  readPrivateKey,
  readPublicKey,
} from './keys.ts';
export type { Attached, SignaturePlace } from './place.ts';
export { registryPlace } from './registry-place.ts';
export { attestImage, copySignatures, SIGNATURE_FORMATS, type SignatureFormat, signImage } from './sign.ts';
export { makeStatement, STATEMENT_TYPE } from './statement.ts';
export { storePlace } from './store-place.ts';
export {
  type GoodAttestation,
  type GoodSignature,
  type Verification,
  verifyAttestations,
  verifyImage,
} from './verify.ts';

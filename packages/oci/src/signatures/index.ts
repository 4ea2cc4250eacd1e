/** Signatures as cosign makes them. Apart from the rest: only `sign`, `verify` and a policy need it. */
export { BUNDLE_TYPE } from './bundle.ts';
export {
  generateKeyPair,
  type PrivateKey,
  type PublicKey,
  readPrivateKey,
  readPublicKey,
} from './keys.ts';
export type { Attached, SignaturePlace } from './place.ts';
export { registryPlace } from './registry-place.ts';
export { copySignatures, SIGNATURE_FORMATS, type SignatureFormat, signImage } from './sign.ts';
export { storePlace } from './store-place.ts';
export { type GoodSignature, type Verification, verifyImage } from './verify.ts';

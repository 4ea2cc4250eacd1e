import { checkBundle, isBundleType, readBundle } from './bundle.ts';
import type { PublicKey } from './keys.ts';
import type { Attached, SignaturePlace } from './place.ts';
import type { SignatureFormat } from './sign.ts';
import { checkSimple, SIMPLE_SIGNING_TYPE } from './simple-signing.ts';

/** A signature that is good. */
export interface GoodSignature {
  format: SignatureFormat;
  key: PublicKey;
}

/** What was found beside an image. */
export interface Verification {
  good: GoodSignature[];
  /** Why each of the others does not count: `another key signed it`. */
  refused: string[];
}

/**
 * Looks for signatures of a digest by one of the keys, in both forms. Whoever can write beside an image can put more there,
 * so that one which cannot be read is passed over, and said.
 */
export async function verifyImage(
  place: SignaturePlace,
  digest: string,
  keys: readonly PublicKey[],
): Promise<Verification> {
  const found: Verification = { good: [], refused: [] };
  for (const attached of await place.attached(digest)) {
    for await (const result of checkAttached(place, attached, digest, keys)) {
      if ('why' in result) found.refused.push(result.why);
      else found.good.push({ key: result.key, format: attached.tag === undefined ? 'bundle' : 'tag' });
    }
  }
  return found;
}

async function* checkAttached(
  place: SignaturePlace,
  { manifest, tag }: Attached,
  digest: string,
  keys: readonly PublicKey[],
): AsyncGenerator<{ key: PublicKey } | { why: string }> {
  for (const layer of manifest.layers) {
    const fits = tag === undefined ? isBundleType(layer.mediaType) : layer.mediaType === SIMPLE_SIGNING_TYPE;
    if (!fits) continue;
    const bytes = await place.readBlob(layer);
    if (tag !== undefined) {
      yield checkSimple(bytes, layer.annotations ?? {}, digest, keys);
    } else {
      const bundle = readBundle(bytes);
      yield bundle ? checkBundle(bundle, digest, keys) : { why: 'it cannot be read' };
    }
  }
}

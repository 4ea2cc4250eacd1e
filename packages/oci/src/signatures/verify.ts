import type { Descriptor } from '../types.ts';
import { type Checked, checkBundle, isBundleType, readBundle, type Signer } from './bundle.ts';
import { ENVELOPE_TYPE, readEnvelope } from './dsse.ts';
import { type Attached, isUnusable, type SignaturePlace } from './place.ts';
import type { SignatureFormat } from './sign.ts';
import { checkSimple, SIMPLE_SIGNING_TYPE } from './simple-signing.ts';
import { readJson, SIGN_PREDICATE } from './statement.ts';

/** A signature that is good. */
export interface GoodSignature<S extends Signer = Signer> {
  format: SignatureFormat;
  signer: S;
}

/** What was found beside an image. */
export interface Verification<S extends Signer = Signer> {
  good: GoodSignature<S>[];
  /** Why each of the others does not count: `another key signed it`. */
  refused: string[];
}

/** An attestation with a good signature. */
export interface GoodAttestation<S extends Signer = Signer> {
  signer: S;
  predicate: unknown;
}

/**
 * Looks for signatures of a digest by one of the signers, in both forms. Whoever can write beside an image can put more
 * there, so that one which cannot be read is passed over, and said.
 */
export async function verifyImage<S extends Signer>(
  place: SignaturePlace,
  digest: string,
  signers: readonly S[],
): Promise<Verification<S>> {
  const found: Verification<S> = { good: [], refused: [] };
  for await (const attached of place.attached(digest)) {
    const format = attached.tag === undefined ? 'bundle' : 'tag';
    for await (const result of checkAttached(place, attached, digest, signers, SIGN_PREDICATE)) {
      if ('why' in result) found.refused.push(result.why);
      else found.good.push({ signer: result.signer, format });
    }
  }
  return found;
}

/**
 * Looks for attestations of a digest by one of the signers: bundles, and the older form, as `cosign attest` attaches them.
 *
 * @param predicateType a URI, the kind that is asked for
 */
export async function verifyAttestations<S extends Signer>(
  place: SignaturePlace,
  digest: string,
  signers: readonly S[],
  predicateType: string,
): Promise<{ good: GoodAttestation<S>[]; refused: string[] }> {
  const good: GoodAttestation<S>[] = [];
  const refused: string[] = [];
  const take = (result: Checked<S>) => {
    if ('why' in result) refused.push(result.why);
    else good.push({ signer: result.signer, predicate: result.statement?.predicate });
  };
  for await (const attached of place.attached(digest, predicateType)) {
    if (attached.tag !== undefined) continue;
    for await (const result of checkAttached(place, attached, digest, signers, predicateType)) take(result);
  }
  const older = await place.olderAttestations?.(digest);
  for (const layer of older?.manifest.layers ?? []) {
    if (layer.mediaType !== ENVELOPE_TYPE) continue;
    const bytes = await readable(place, layer);
    const envelope = typeof bytes === 'string' ? undefined : readEnvelope(readJson(bytes));
    // Certificates lie beside an envelope, and are not read there: as of signatures in the older form.
    take(
      envelope
        ? await checkBundle({ envelope, keyless: false, json: {} }, digest, signers, predicateType)
        : { why: 'it cannot be read' },
    );
  }
  return { good, refused };
}

async function* checkAttached<S extends Signer>(
  place: SignaturePlace,
  { manifest, tag }: Attached,
  digest: string,
  signers: readonly S[],
  predicateType: string,
): AsyncGenerator<Checked<S>> {
  for (const layer of manifest.layers) {
    const fits = tag === undefined ? isBundleType(layer.mediaType) : layer.mediaType === SIMPLE_SIGNING_TYPE;
    if (!fits) continue;
    const bytes = await readable(place, layer);
    if (typeof bytes === 'string') {
      yield { why: `it cannot be read: ${bytes}` };
    } else if (tag !== undefined) {
      yield checkSimple(bytes, layer.annotations ?? {}, digest, signers);
    } else {
      const bundle = readBundle(bytes);
      yield bundle ? await checkBundle(bundle, digest, signers, predicateType) : { why: 'it cannot be read' };
    }
  }
}

/** A blob; why not, of one that is passed over. */
async function readable(place: SignaturePlace, layer: Descriptor): Promise<Uint8Array | string> {
  try {
    return await place.readBlob(layer);
  } catch (e) {
    if (isUnusable(e)) return e.message.replace(/\.$/, '');
    throw e;
  }
}

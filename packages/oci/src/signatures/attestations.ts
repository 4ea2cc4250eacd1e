import { OciError } from '../errors.ts';
import { parseDocument } from '../manifest.ts';
import type { Store } from '../store/store.ts';
import { ATTESTS, type Descriptor, type StoredImage } from '../types.ts';
import { isBundleType, readBundle } from './bundle.ts';
import { readStatement, SIGN_PREDICATE, STATEMENT_TYPE } from './statement.ts';

/** What is said of an image beside it: how it was built, what it consists of. Said, and not checked. */
export interface Attestation {
  /** A URI: `https://slsa.dev/provenance/v1`, `https://spdx.dev/Document`, … */
  predicateType: string;
  predicate: unknown;
  /** The manifests that it speaks of. */
  subjects: string[];
  /** Whether it has a signature, whoever's: `verifyAttestations` says whose. One in the index has that of the index. */
  signed: boolean;
}

/**
 * The attestations that the store has of an image: those in its index, as docker's buildx puts them there, and signed ones
 * that refer to it, as cosign's. One that cannot be read is left out.
 */
export async function readAttestations(store: Store, image: StoredImage): Promise<Attestation[]> {
  const inIndex = (image.index?.manifests ?? []).filter((m) => m.annotations?.[ATTESTS] !== undefined);
  const found: Attestation[] = [];
  for (const entry of inIndex) {
    if (!(await store.hasBlob(entry.digest))) continue;
    // https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
    for (const layer of await layersOf(store, entry)) {
      if (layer.mediaType === STATEMENT_TYPE) found.push(...(await said(store, layer, (bytes) => bytes)));
    }
  }
  for (const entry of store.attached(image.descriptor.digest)) {
    for (const layer of await layersOf(store, entry)) {
      if (!isBundleType(layer.mediaType)) continue;
      const signed = await said(store, layer, (bytes) => readBundle(bytes)?.envelope.payload, true);
      found.push(...signed.filter((a) => a.predicateType !== SIGN_PREDICATE));
    }
  }
  return found;
}

async function layersOf(store: Store, entry: Descriptor): Promise<Descriptor[]> {
  const document = await unlessDamaged(async () =>
    parseDocument(await store.readBlob(entry.digest), entry.mediaType, 'An attestation'),
  );
  return document?.kind === 'manifest' ? document.manifest.layers : [];
}

/** The statement in a layer: one, or none. */
async function said(
  store: Store,
  layer: Descriptor,
  payload: (bytes: Uint8Array) => Uint8Array | undefined,
  signed = false,
): Promise<Attestation[]> {
  const bytes = await unlessDamaged(() => store.readBlob(layer.digest));
  const statement = bytes && statementIn(payload(bytes), signed);
  return statement ? [statement] : [];
}

/** `verify --store` says what is damaged. */
async function unlessDamaged<T>(reading: () => Promise<T>): Promise<T | undefined> {
  try {
    return await reading();
  } catch (e) {
    if (e instanceof OciError) return undefined;
    throw e;
  }
}

function statementIn(bytes: Uint8Array | undefined, signed: boolean): Attestation | undefined {
  const statement = bytes && readStatement(bytes);
  if (!statement) return undefined;
  const { predicateType, predicate, digests } = statement;
  return { predicateType, predicate, subjects: digests, signed };
}
